/**
 * Frames that a kernel bridge or bond would pass on and Open vSwitch does not. Tables of the packet filter that are ours
 * drop them: their names say so, and their comments what is in them, so that one which is as it should be is left alone.
 */
import type { Desired } from '../desired.ts';
import type { KernelState } from '../kernel.ts';
import type { NetlinkClient } from '../netlink/client.ts';
import { NetlinkError } from '../netlink/error.ts';
import {
  deleteTable,
  dumpElements,
  dumpTables,
  getGeneration,
  parseGeneration,
  parseNumbers,
  parseTable,
  type Table,
} from '../netlink/nftables.ts';
import type { Step, Subject } from '../step.ts';
import type { AspectDefinition } from './aspect.ts';
import { controlFrames, controlProblem, controlTable } from './control-frames.ts';
import { loopGuards } from './loop-guard.ts';

/** A table as it should be. Its sets that follow the ports are not in the comment: they change one by one. */
export interface WantedTable extends Table {
  readonly subject: Subject;
  /** Completes "could not …". */
  readonly what: string;
  /** What makes it and fills it, in a transaction of its own. */
  readonly create: () => Buffer[];
  /** Numbers by the name of a set. */
  readonly sets: ReadonlyMap<string, ReadonlySet<number>>;
  readonly changeSet: (set: string, added: readonly number[], removed: readonly number[]) => Buffer[];
}

/** All tables that are ours begin with it. */
const ours = /^vswitch(-|$)/;
const keyOf = ({ family, name }: Pick<Table, 'family' | 'name'>): string => `${family} ${name}`;

interface Found {
  readonly tables: readonly Table[];
  /** By table and set: its numbers. */
  readonly elements: ReadonlyMap<string, ReadonlySet<number>>;
}

const wantedTables = (desired: Desired, kernel: KernelState): readonly WantedTable[] => [
  ...controlFrames(desired, kernel),
  ...loopGuards(desired, kernel),
];

interface Known extends Found {
  /** The kernel's number of what it was read of. */
  readonly generation: number;
}

const known = new WeakMap<NetlinkClient, Known>();

/** Read again when some transaction has changed the packet filter since: nothing else changes what is ours. */
function readFound(client: NetlinkClient): Found {
  try {
    const [answer] = client.netfilter.request(getGeneration());
    const generation = answer ? parseGeneration(answer) : 0;
    const before = known.get(client);
    if (before?.generation === generation) return before;
    const tables = readTables(client);
    const found = { tables, elements: readElements(client, tables), generation };
    known.set(client, found);
    return found;
  } catch (error) {
    // A kernel without a packet filter has no tables.
    if (error instanceof NetlinkError || (error instanceof Error && 'errno' in error)) return nothing;
    throw error;
  }
}

const nothing: Found = { tables: [], elements: new Map() };

const readTables = (client: NetlinkClient): readonly Table[] =>
  client.netfilter.dump(dumpTables(), parseTable).flatMap((table) => (table && ours.test(table.name) ? [table] : []));

function readElements(client: NetlinkClient, tables: readonly Table[]): ReadonlyMap<string, ReadonlySet<number>> {
  const found = new Map<string, ReadonlySet<number>>();
  for (const table of tables) {
    for (const set of controlTable.sets) {
      if (keyOf(table) !== keyOf(controlTable) || table.comment !== controlTable.comment) continue;
      found.set(
        `${keyOf(table)} ${set}`,
        new Set(client.netfilter.dump(dumpElements(table, set), parseNumbers).flat()),
      );
    }
  }
  return found;
}

function setSteps(table: WantedTable, found: Found): Step[] {
  const messages = [...table.sets].flatMap(([set, wanted]) => {
    const present = found.elements.get(`${keyOf(table)} ${set}`) ?? new Set<number>();
    const added = [...wanted].filter((number) => !present.has(number));
    const removed = [...present].filter((number) => !wanted.has(number));
    return table.changeSet(set, added, removed);
  });
  if (messages.length === 0) return [];
  return [{ op: 'filter', subject: table.subject, what: table.what, messages }];
}

/** A table that is not as it should be is replaced within one transaction: no frame finds it missing. */
function diff(desired: Desired, found: Found, kernel: KernelState): Step[] {
  const wanted = wantedTables(desired, kernel);
  const present = new Map(found.tables.map((table) => [keyOf(table), table]));
  const names = new Set(wanted.map(keyOf));
  const stale = found.tables.filter((table) => !names.has(keyOf(table)));
  return [
    ...stale.map((table): Step => {
      const what = `delete the table ${table.name} of the packet filter`;
      return { op: 'filter', subject: { bridge: '' }, what, messages: [deleteTable(table)] };
    }),
    ...wanted.flatMap((table): Step[] => {
      const old = present.get(keyOf(table));
      if (old?.comment === table.comment) return setSteps(table, found);
      const messages = [...(old ? [deleteTable(old)] : []), ...table.create()];
      return [{ op: 'filter', subject: table.subject, what: table.what, messages }];
    }),
  ];
}

export const packetFilter: AspectDefinition<Desired, Found> = {
  name: 'packet-filter',
  want: (desired) => desired,
  read: (_desired, _kernel, client) => readFound(client),
  diff,
  problems: ({ bridges }, _found, kernel) => ({
    bridges: new Map(
      bridges.flatMap((bridge) => {
        const problem = controlProblem(bridge, kernel);
        return problem === undefined ? [] : [[bridge.name, problem]];
      }),
    ),
  }),
};
