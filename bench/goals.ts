/** One figure of the load generator, and what it should be. */
export type Goal =
  | {
      readonly kind: 'gain';
      readonly figure: string;
      /** How many times better than the C program's, at least. */
      readonly atLeast: number;
    }
  | {
      readonly kind: 'growth';
      readonly figure: string;
      /** The same figure on a small database. */
      readonly small: string;
      /** How many times worse than there, at most. */
      readonly atMost: number;
    }
  | {
      readonly kind: 'added';
      readonly figure: string;
      /** What it is compared with. */
      readonly base: string;
      /** How much more than that, at most, in their unit. */
      readonly atMost: number;
    }
  | {
      /** No more than the C program's: for what may be nothing at all, of which there are no ratios. */
      readonly kind: 'peer';
      readonly figure: string;
    };

const gain = (figure: string, atLeast: number): Goal => ({ kind: 'gain', figure, atLeast });
const growth = (figure: string, small: string, atMost: number): Goal => ({ kind: 'growth', figure, small, atMost });
const added = (figure: string, base: string, atMost: number): Goal => ({ kind: 'added', figure, base, atMost });

const peer = (figure: string): Goal => ({ kind: 'peer', figure });

/** What a client may send to do harm: in each, what the server's memory grows by, and how long another client waits. */
const attacks = 'echo10MB txn10MB garbage10MB nest900 nest100k nest1M_open'.split(' ');

/** Commands of ovs-vsctl that are to cost the same whatever the size of the bridge. */
const steadyCommands = 'list-br br-exists port-to-br get set may-exist-add-port add-port del-port'.split(' ');

/** A workload of run.sh with the sizes it needs, and what its figures should be. */
export interface Workload {
  readonly name: string;
  readonly what: string;
  readonly runs: readonly string[];
  readonly goals: readonly Goal[];
}

/**
 * The goals, for a large database of that many rows. The C program takes minutes over some of them at 100,000 rows, which
 * is what they were set for.
 */
export const workloads = (rows: number): Workload[] => [
  {
    name: 'add',
    what: 'adding ports to one bridge, and deleting them all',
    runs: ['w1:100', `w1:${rows}`],
    goals: [
      gain(`w1.marginal.n${rows}.p50`, rows >= 100_000 ? 10 : 1),
      growth(`w1.marginal.n${rows}.srvcpu`, 'w1.marginal.n100.srvcpu', 1.5),
      gain(`w1.batch1000.n${rows}.rate`, 1.5),
      gain(`w1.delete_all.n${rows}.total`, 1),
    ],
  },
  {
    name: 'select',
    what: 'finding one row',
    runs: ['w2:100', `w2:${rows}`],
    goals: [
      gain(`w2.sel_name.n${rows}.d1.p50`, rows / 333),
      growth(`w2.sel_name.n${rows}.d32.srvcpu`, 'w2.sel_name.n100.d32.srvcpu', 1.2),
      gain(`w2.sel_extid.n${rows}.d1.p50`, 20),
    ],
  },
  {
    name: 'update',
    what: 'updating one row, and the statistics of a thousand at once',
    runs: [`w3:${rows}`],
    goals: [
      gain(`w3.upd_extids.n${rows}.d1.tput`, 1),
      gain(`w3.upd_extids.n${rows}.d32.tput`, 1),
      gain(`w3.bulk_stats1000.n${rows}.rate`, 3),
    ],
  },
  {
    name: 'monitor',
    what: "a monitor's initial rows",
    runs: ['w4:10000'],
    goals: [gain('w4.monitor_cond_since.n10000.first', 1.5), gain('w4.monitor_cond_since.n10000.second', 10)],
  },
  {
    name: 'fan-out',
    what: 'updates to many monitors',
    runs: ['w5:1000', 'w5add:10000'],
    goals: [
      gain('w5.same.n1000.k100.d1.txn', 1),
      gain('w5.same.n1000.k100.d32.txn', 1),
      gain('w5.addport_monitor.n10000.k10.p50', 5),
    ],
  },
  {
    name: 'contention',
    what: 'compare-and-swap, increments, and updates while a hundred transactions wait',
    runs: ['w6:100'],
    goals: [
      gain('w6.cas8.n100.success', 1),
      gain('w6.incr8.n100.tput', 1),
      gain('w6.update_with_100_blocked.n100.tput', 5),
    ],
  },
  {
    name: 'restart',
    what: 'starting on a large database, its file and its memory',
    runs: [`w7:${rows}`],
    goals: [
      gain(`w7.restart.n${rows}.select`, 2),
      gain(`w7.restart.n${rows}.rss`, 1),
      gain(`w7.size_populated.n${rows}`, 0.5),
    ],
  },
  {
    name: 'growth',
    what: 'the file after a million updates, beside its live data',
    runs: ['w7growth:10000'],
    goals: [growth('w7growth.size_updated.n10000', 'w7growth.size_compacted.n10000', 2)],
  },
  {
    name: 'hostile',
    what: 'what clients that mean harm cost the server, and other clients',
    runs: ['w10:1000'],
    goals: [
      ...attacks.flatMap((attack) => [peer(`w10.${attack}.rss_growth`), peer(`w10.${attack}.victim_max`)]),
      peer('w10.halfopen1000.rss'),
      peer('w10.halfopen1000.victim_max'),
      peer('w10.slow_reader10.n1000.rss_first_10k'),
      peer('w10.slow_reader10.n1000.rss_second_10k'),
      gain('w10.slow_reader10.n1000.tput', 1),
      peer('w10.unread_flood.rss_growth'),
      peer('w10.unread_flood.victim_max'),
    ],
  },
  {
    name: 'storm',
    what: 'a thousand clients at once',
    runs: ['w8:1000'],
    goals: [gain('w8.storm1000.n1000.total', 10)],
  },
  {
    name: 'durable',
    what: 'commits that are on disk when they are answered',
    runs: ['w9:100'],
    goals: [gain('w9.durable.n100.c1.tput', 1), gain('w9.durable.n100.c16.tput', 3)],
  },
  {
    name: 'start',
    what: 'starting ovs-vsctl, beside starting Node alone',
    runs: ['v1:0'],
    goals: ['version', 'br-exists'].flatMap((command) =>
      ['wall', 'cpu'].flatMap((time) => [
        gain(`v1.${command}.n0.${time}`, 0),
        added(`v1.${command}.n0.${time}`, `v1.node.n0.${time}`, 15),
      ]),
    ),
  },
  {
    name: 'vsctl',
    what: 'single commands of ovs-vsctl, and a thousand commands in one',
    runs: ['v1:0', `v1:${rows}`, 'v3:0', `v3:${rows}`],
    goals: [
      ...steadyCommands.flatMap((command) => [
        gain(`v1.${command}.n${rows}.wall`, rows >= 10_000 ? 4 : 0),
        added(`v1.${command}.n${rows}.wall`, `v1.${command}.n0.wall`, 10),
        added(`v1.${command}.n${rows}.cpu`, `v1.${command}.n0.cpu`, 10),
      ]),
      gain(`v1.list-ports.n${rows}.wall`, 1),
      gain(`v1.show.n${rows}.wall`, 1),
      ...['add1000', 'del1000', 'set1000'].map((commands) => gain(`v3.${commands}.n${rows}.wall`, 1)),
    ],
  },
  {
    name: 'vsctl-1000',
    what: 'a thousand runs of ovs-vsctl, one after another',
    runs: [`v2:${rows}`],
    goals: [gain(`v2.set1000.n${rows}.wall`, rows >= 10_000 ? 4 : 0)],
  },
];
