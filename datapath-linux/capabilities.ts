/**
 * What this kernel can do, each found out once, when it is first asked for: by an attempt in a scratch network
 * namespace, where nobody's devices are and nobody listens. The attempt may load a kernel module, as the use would.
 */
import { native } from '../native/index.ts';
import { NetlinkClient } from './netlink/client.ts';
import { NetlinkError } from './netlink/error.ts';
import { parseLink } from './netlink/link.ts';
import { createBridge, createLink, dumpLinks } from './netlink/request.ts';

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

/** To add a capability: name it here, with the attempt that tells. */
const probes = {
  'bridge-vlan': hasBridgeVlans,
  bond: hasLinkKind('bond'),
  dummy: hasLinkKind('dummy'),
  geneve: hasLinkKind('geneve'),
  gre: hasLinkKind('gretap'),
  ip6gre: hasLinkKind('ip6gretap'),
  vxlan: hasLinkKind('vxlan'),
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
