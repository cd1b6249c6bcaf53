/**
 * What Open vSwitch has and this switch does not, told to those who ask for it: a status that they may wait for would
 * never come. What changes nothing that can be waited for is accepted without a word.
 */
import { Datum } from '../../schema/datum.ts';
import type { Desired } from '../desired.ts';
import type { RowView } from '../row-view.ts';
import { textMap } from '../status.ts';
import type { AspectDefinition, RowReport } from './aspect.ts';

interface Unprovided {
  /** What it is, with the columns that ask for it. */
  readonly what: string;
  readonly isAsked: (row: RowView) => boolean;
}

const interfaceFeatures: readonly Unprovided[] = [
  { what: 'bidirectional forwarding detection (bfd)', isAsked: (row) => row.map('bfd').get('enable') === 'true' },
  { what: 'connectivity fault management (cfm_mpid)', isAsked: (row) => row.integer('cfm_mpid') !== undefined },
  { what: 'link layer discovery (lldp)', isAsked: (row) => row.map('lldp').get('enable') === 'true' },
];

const bridgeFeatures: readonly Unprovided[] = [
  { what: 'OpenFlow (controller)', isAsked: (row) => row.datum('controller').size > 0 },
  { what: 'sFlow (sflow)', isAsked: (row) => row.datum('sflow').size > 0 },
  { what: 'NetFlow (netflow)', isAsked: (row) => row.datum('netflow').size > 0 },
  { what: 'IPFIX (ipfix)', isAsked: (row) => row.datum('ipfix').size > 0 },
  { what: 'auto-attach (auto_attach)', isAsked: (row) => row.datum('auto_attach').size > 0 },
];

/** One sentence about those that a row asks for; undefined when there is none. */
export function sentenceAbout(row: RowView, features: readonly Unprovided[], name: string): string | undefined {
  const asked = features.filter(({ isAsked }) => isAsked(row)).map(({ what }) => what);
  if (asked.length === 0) return undefined;
  const list = asked.length === 1 ? asked[0] : `${asked.slice(0, -1).join(', ')} and ${asked.at(-1)}`;
  return `${name} works without ${list}, which this switch does not provide`;
}

const sentences = (
  rows: readonly { readonly name: string; readonly view: RowView }[],
  features: readonly Unprovided[],
): ReadonlyMap<string, string> =>
  new Map(
    rows.flatMap(({ name, view }) => {
      const sentence = sentenceAbout(view, features, name);
      return sentence === undefined ? [] : [[name, sentence]];
    }),
  );

/** As the C daemon has it of a controller that it has given up, which nobody should wait for. */
const controllerColumns = new Map([
  ['is_connected', Datum.of(false)],
  ['status', textMap({ last_error: 'OpenFlow is not provided', state: 'VOID' })],
]);

export const unprovided: AspectDefinition<Desired, undefined> = {
  name: 'unprovided',
  isPortwise: true,
  want: (desired) => desired,
  read: () => undefined,
  diff: () => [],
  problems: ({ bridges }) => ({
    interfaces: sentences(
      bridges.flatMap(({ ports }) => ports.flatMap(({ interfaces }) => interfaces)),
      interfaceFeatures,
    ),
    bridges: sentences(
      bridges.map(({ row }) => row),
      bridgeFeatures,
    ),
  }),
  report: ({ bridges }): RowReport[] =>
    bridges.flatMap(({ row }) =>
      row.view
        .references('controller', 'Controller')
        .map(({ uuid }) => ({ table: 'Controller', uuid, columns: controllerColumns })),
    ),
};
