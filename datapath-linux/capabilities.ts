/**
 * What this kernel can do, each found out once, when it is first asked for: by an attempt in a scratch network
 * namespace, where nobody's devices are and nobody listens. The attempt may load a kernel module, as the use would.
 */
import { native } from '../native/index.ts';
import { createControlTable } from './aspect/control-frames.ts';
import { createLoopGuard } from './aspect/loop-guard.ts';
import { Assembler, verdicts } from './bpf/assembler.ts';
import type { Action } from './netlink/action.ts';
import { NetlinkClient } from './netlink/client.ts';
import { NetlinkError } from './netlink/error.ts';
import { type Classifier, newFilter } from './netlink/filter.ts';
import { parseLink } from './netlink/link.ts';
import { createBridge, createLink } from './netlink/link-kind.ts';
import { dumpLinks } from './netlink/request.ts';
import { addQdisc, clsactHandle, handleOf, places } from './netlink/traffic-control.ts';

/** Whether the kernel of `client`'s namespace can do it. Devices it leaves behind vanish with the namespace. */
type Probe = (client: NetlinkClient) => boolean;

/** A kernel that lacks a kind of device answers EOPNOTSUPP; one that has it may miss parameters, or be content. */
const hasLinkKind =
  (kind: string): Probe =>
  (client) => {
    try {
      client.request(createLink(kind, 'probe'));
      return true;
    } catch (error) {
      return error instanceof NetlinkError && error.code !== 'EOPNOTSUPP' && error.code !== 'ENOTSUP';
    }
  };

/** Bridges tell their default VLAN on kernels built with VLAN filtering only. */
const hasBridgeVlans: Probe = (client) => {
  client.request(createBridge('vlans', '02:00:00:00:00:01', 0));
  return client.dump(dumpLinks(), parseLink).some(({ bridge }) => bridge?.defaultPvid !== undefined);
};

/** What is missing for a request about traffic control is told with ENOENT; other refusals come from what is there. */
const isKnown = (client: NetlinkClient, message: Buffer): boolean => {
  const [answer] = client.batch([message]);
  return answer?.error?.code !== 'ENOENT' && answer?.error?.code !== 'EOPNOTSUPP';
};

/** Every network namespace has a loopback device, and gives it the first number. */
const loopback = 1;

const hasQdisc =
  (kind: string): Probe =>
  (client) =>
    isKnown(client, addQdisc({ ifindex: loopback, parent: places.root, handle: handleOf(1, 0), kind }));

const hasFilter =
  (classifier: Classifier, ...actions: readonly Action[]): Probe =>
  (client) => {
    const clsact = { ifindex: loopback, parent: places.clsact, handle: clsactHandle, kind: 'clsact' };
    const filter = { ifindex: loopback, parent: places.ingress, priority: 1, classifier, actions };
    return isKnown(client, addQdisc(clsact)) && isKnown(client, newFilter(filter));
  };

const mayLoadPrograms: Probe = () => {
  try {
    native().close(native().programLoad('probe', new Assembler().exit(verdicts.next).assemble().code));
    return true;
  } catch {
    return false;
  }
};
const accepts =
  (transaction: () => Buffer[]): Probe =>
  (client) => {
    try {
      client.netfilter.transaction(transaction());
      return true;
    } catch (error) {
      if (error instanceof NetlinkError || (error instanceof Error && 'errno' in error)) return false;
      throw error;
    }
  };

/** To add a capability: name it here, with the attempt that tells. */
const probes = {
  bpf: mayLoadPrograms,
  'bridge-vlan': hasBridgeVlans,
  bond: hasLinkKind('bond'),
  'bridge-filter': accepts(() => createControlTable({ family: 'bridge', name: 'probe', comment: '' })),
  'loop-guard': accepts(() =>
    createLoopGuard({ family: 'netdev', name: 'probe', comment: '' }, { device: 'lo', deaf: ['lo'] }),
  ),
  dummy: hasLinkKind('dummy'),
  geneve: hasLinkKind('geneve'),
  gre: hasLinkKind('gretap'),
  ip6gre: hasLinkKind('ip6gretap'),
  vxlan: hasLinkKind('vxlan'),
  // Classifiers and actions of filters.
  matchall: hasFilter({ kind: 'matchall' }),
  police: hasFilter({ kind: 'u32', keys: [] }, { kind: 'police', bytes: { rate: 125_000, burst: 10_000 } }),
  gact: hasFilter({ kind: 'u32', keys: [] }, { kind: 'gact', verdict: 'drop' }),
  // Queueing disciplines.
  codel: hasQdisc('codel'),
  fq_codel: hasQdisc('fq_codel'),
  hfsc: hasQdisc('hfsc'),
  htb: hasQdisc('htb'),
  netem: hasQdisc('netem'),
  sfq: hasQdisc('sfq'),
} as const satisfies Record<string, Probe>;

export type Capability = keyof typeof probes;

export interface Capabilities {
  has(capability: Capability): boolean;
}

export class KernelCapabilities implements Capabilities {
  readonly #known = new Map<Capability, boolean>();

  /** Without the right to make a network namespace everything is taken to be there: its use will tell. */
  has(capability: Capability): boolean {
    const known = this.#known.get(capability);
    if (known !== undefined) return known;
    const found = inScratchNamespace(probes[capability]) ?? true;
    this.#known.set(capability, found);
    return found;
  }
}

function inScratchNamespace(probe: Probe): boolean | undefined {
  const namespace = createNamespace();
  if (namespace === undefined) return undefined;
  try {
    const client = new NetlinkClient(namespace);
    try {
      return probe(client);
    } finally {
      client.close();
    }
  } finally {
    native().close(namespace);
  }
}

function createNamespace(): number | undefined {
  try {
    return native().namespaceCreate();
  } catch {
    return undefined;
  }
}
