/**
 * Policing: what an interface receives beyond a rate is dropped (Interface.ingress_policing_*). Of an internal port
 * that is what the host sends through it.
 */
import type { InterfaceRow } from '../configuration.ts';
import { type Desired, type DesiredBridge, demandingPlaces } from '../desired.ts';
import { hiddenBridge } from '../device.ts';
import type { KernelState } from '../kernel.ts';
import type { Action } from '../netlink/action.ts';
import type { Classifier } from '../netlink/filter.ts';
import { places } from '../netlink/traffic-control.ts';
import { once } from '../once.ts';
import type { Port } from '../port/port.ts';
import type { RowView } from '../row-view.ts';
import type { AspectDefinition } from './aspect.ts';
import { priorities, type WantedFilter, wantedFilter } from './filters.ts';

type Police = Extract<Action, { kind: 'police' }>;

/** When a rate has no burst of its own: 8000 kilobits, 16000 packets. */
const defaultBurst = { kilobits: 8000, kilopackets: 16 } as const;
/** A kilobit of a burst is 1024 bits, as the C daemon has it, a kilobit of a rate 1000. */
const bytesPerKilobit = { rate: 125, burst: 128 } as const;

/** A rate that nothing exceeds, and that its unit in the kernel still holds. */
const largest = 2 ** 40;

function readPolices(view: RowView): readonly Police[] {
  const column = (name: string): number => Math.min(view.integer(`ingress_policing_${name}`) ?? 0, largest);
  const polices: Police[] = [];
  const rate = column('rate');
  if (rate > 0) {
    const burst = column('burst') || defaultBurst.kilobits;
    polices.push({
      kind: 'police',
      bytes: { rate: rate * bytesPerKilobit.rate, burst: burst * bytesPerKilobit.burst },
    });
  }
  const packetRate = column('kpkts_rate');
  if (packetRate > 0) {
    const burst = column('kpkts_burst') || defaultBurst.kilopackets;
    polices.push({ kind: 'police', packets: { rate: packetRate * 1000, burst: burst * 1000 } });
  }
  return polices;
}

/** What an interface's columns ask for: by bytes, by packets, or both. */
export const policesOf = once(readPolices);

/** Every frame: with the classifier made for that, or with one that older and smaller kernels have. */
export const everyFrame = ({ capabilities }: KernelState): Classifier =>
  capabilities.has('matchall') ? { kind: 'matchall' } : { kind: 'u32', keys: [] };

const canPolice = ({ capabilities }: KernelState): boolean => capabilities.has('police');

/** The filters that police; none on a kernel that cannot. */
export function policingFilters(desired: Desired, kernel: KernelState): WantedFilter[] {
  return policed(desired).flatMap(({ bridge, port, row: { name, view } }) => {
    const master = hiddenBridge(bridge, kernel);
    const device = master && canPolice(kernel) ? port.locate(name, kernel, master) : undefined;
    return device ? policesOf(view).map((police) => policingFilter(police, name, device.port.ifindex, kernel)) : [];
  });
}

interface Policed {
  readonly bridge: DesiredBridge;
  readonly port: Port;
  readonly row: InterfaceRow;
}

/** The interfaces that ask for it. */
const policed = once((desired: Desired) => {
  const found: Policed[] = [];
  for (const { bridge, port } of demandingPlaces(desired)) {
    for (const row of port.interfaces) if (policesOf(row.view).length > 0) found.push({ bridge, port, row });
  }
  return found;
});

function policingFilter(police: Police, name: string, ifindex: number, kernel: KernelState): WantedFilter {
  const priority = police.bytes ? priorities.policing : priorities.packetPolicing;
  const filter = { parent: places.ingress, classifier: everyFrame(kernel), actions: [police] };
  return wantedFilter({ ...filter, ifindex, priority }, { port: name }, `police what ${name} receives`);
}

/** The filters are kept with those of others; here only what a kernel without policing cannot do is told. */
export const policing: AspectDefinition<readonly string[], undefined> = {
  name: 'policing',
  isPortwise: true,
  want: (desired) => policed(desired).map(({ row }) => row.name),
  read: () => undefined,
  diff: () => [],
  problems(policed, _found, kernel) {
    if (policed.length === 0 || canPolice(kernel)) return {};
    const lack = 'this kernel has no policing (CONFIG_NET_ACT_POLICE, module act_police)';
    return {
      interfaces: new Map(policed.map((name) => [name, `could not police what ${name} receives: ${lack}`])),
    };
  },
};
