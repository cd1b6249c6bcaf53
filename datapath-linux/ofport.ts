/** OpenFlow port numbers of a bridge's interfaces. Pure. */

export const localPort = 65534;
/** OFPP_MAX of OpenFlow 1.0: numbers from here on are reserved. */
const portMax = 0xff00;

export interface PortNumbering {
  readonly name: string;
  readonly local: boolean;
  /** The number it has, which the database keeps. */
  readonly current: number | undefined;
  /** The number it had before its device vanished. */
  readonly remembered: number | undefined;
  /** `ofport_request` */
  readonly requested: number | undefined;
}

const isUsable = (number: number | undefined): number is number =>
  number !== undefined && number > 0 && number < portMax;

/**
 * A number for each port: what it asks for, if no one before it does; else what it has or had; else the lowest that is
 * free.
 * A port that asks for a number takes it from one that merely has it. Ports beyond the last number get none.
 */
export function allocateOfports(ports: readonly PortNumbering[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  const taken = new Set<number>();
  const give = (name: string, number: number | undefined): void => {
    if (number === undefined || numbers.has(name) || taken.has(number)) return;
    numbers.set(name, number);
    taken.add(number);
  };
  for (const { name, local } of ports) if (local) give(name, localPort);
  // Of two that ask for the same number, the one that already has it keeps it.
  for (const { name, requested, current } of ports) {
    if (isUsable(requested) && requested === current) give(name, requested);
  }
  for (const { name, requested } of ports) if (isUsable(requested)) give(name, requested);
  for (const { name, current } of ports) if (isUsable(current)) give(name, current);
  for (const { name, remembered } of ports) if (isUsable(remembered)) give(name, remembered);
  let next = 1;
  for (const { name } of ports) {
    if (numbers.has(name)) continue;
    while (taken.has(next)) next++;
    if (next < portMax) give(name, next);
  }
  return numbers;
}
