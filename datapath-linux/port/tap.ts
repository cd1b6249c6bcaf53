/** A persistent tap of our making, for another program to open. */
import type { InterfaceRow, PortRow } from '../configuration.ts';
import type { DesiredBridge } from '../desired.ts';
import type { Device } from '../device.ts';
import { isOwned, type KernelState } from '../kernel.ts';
import { isDeviceName, ownedGroup } from '../names.ts';
import type { Link } from '../netlink/link.ts';
import type { Step } from '../step.ts';
import { changeSteps, mtuSteps, takenMtu } from './change.ts';
import { type Build, badName, cannotAdd, occupied, type Port, type PortContext } from './port.ts';
import { NamedDevicePort } from './single.ts';
import { attachObstacle, attachSteps, locateDevice } from './system.ts';
import { isOpened, parseTapOptions, type TapOptions, tapAlias, tapMatches } from './tap-options.ts';

/** A tap that others made serves as well, if it is as the options say. */
export class TapPort extends NamedDevicePort implements Port {
  readonly kind = 'tap';
  readonly owned: readonly string[];
  readonly options: TapOptions;

  constructor(row: InterfaceRow, port: PortRow, options: TapOptions) {
    super(row, port);
    this.owned = [row.name];
    this.options = options;
  }

  /** Whether a tap of our making must be made anew to be as its options say. */
  #isOutdated(link: Link): boolean {
    return !tapMatches(link, this.options) || (link.alias !== '' && link.alias !== tapAlias(this.options));
  }

  keeps(link: Link): boolean {
    return link.kind === 'tun' && (!this.#isOutdated(link) || isOpened(link));
  }

  obstacle(bridge: DesiredBridge, kernel: KernelState): string | undefined {
    const { name, options } = this;
    const link = kernel.find(name);
    if (!link) return undefined;
    // A device behind another port, which goes before a tap that has its name.
    if (isOwned(link)) return link.kind === 'tun' ? undefined : occupied(name, link, kernel);
    if (link.kind !== 'tun' || !link.tun?.tap) {
      return cannotAdd(name, 'File exists', 'a device of that name is there that is no tap');
    }
    const asked = options.owner !== undefined || options.group !== undefined || options.multiQueue;
    if (asked && !tapMatches(link, options)) {
      return cannotAdd(
        name,
        'File exists',
        `a tap of that name is there with other options; ip link delete ${name} makes way`,
      );
    }
    return attachObstacle(name, link, bridge, kernel);
  }

  reservations(_bridge: DesiredBridge, kernel: KernelState): ReadonlyMap<string, string> {
    const { name } = this;
    const link = kernel.find(name);
    if (!link || !isOwned(link) || !this.#isOutdated(link) || !isOpened(link)) return new Map();
    const text = `the options of ${name} cannot change while a program has it open: they take effect when it has closed it`;
    return new Map([[name, text]]);
  }

  /** A tap is up from the start, because those who open it may not set it up; later that is the administrator's. */
  steps({ kernel, master }: PortContext): Step[] {
    const { name, options } = this;
    const subject = { port: name };
    const alias = tapAlias(options);
    const link = kernel.find(name);
    if (!link) {
      return [
        { op: 'create-tap', subject, name, master: master.ifindex, alias, options, mtu: takenMtu(this.mtuRequest) },
      ];
    }
    if (!isOwned(link)) return attachSteps(name, link, this.mtuRequest, master);
    const wanted = { master: master.ifindex, group: ownedGroup, addressless6: true } as const;
    const change = this.#isOutdated(link) ? wanted : { ...wanted, alias };
    return [...changeSteps(subject, link, change), ...mtuSteps(name, this.mtuRequest, link)];
  }

  locate(name: string, kernel: KernelState, master: Link): Device | undefined {
    const device = locateDevice(name, kernel, master);
    return device?.port.kind === 'tun' ? device : undefined;
  }
}

export const buildTap: Build = (row, { port, accounts }) => {
  if (!isDeviceName(row.name)) return { error: badName(row.name) };
  const parsed = parseTapOptions(row.options, accounts);
  if ('error' in parsed) {
    return { error: `could not open network device ${row.name} (Invalid argument): ${parsed.error}` };
  }
  return { port: new TapPort(row, port, parsed.value) };
};
