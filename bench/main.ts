#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { type DatapathFigure, measureDatapath } from './datapath.ts';
import { type Goal, type Workload, workloads } from './goals.ts';

/** The scripts are not compiled: they stand beside the source of this file. */
const script = (name: string): string => fileURLToPath(new URL(`../../bench/${name}`, import.meta.url));

interface Figure {
  readonly c: number;
  readonly ours: number;
  readonly unit: string;
  /** How many times better ours is. */
  readonly gain: number;
}

/** Runs both servers in turn, and collects every figure. */
const measure = async ({ runs }: Workload, rounds: number): Promise<Map<string, Figure>> => {
  const child = spawn(script('compare.sh'), [script('servers/c.sh'), script('servers/ours.sh'), ...runs], {
    env: { ...process.env, ROUNDS: String(rounds) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const figures = new Map<string, Figure>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [name = '', c, ours, unit = '', , gain] = line.split(' ');
    figures.set(name, { c: Number(c), ours: Number(ours), unit, gain: Number(gain) });
  }
  return figures;
};

const number = (value: number): string => (Number.isFinite(value) ? String(Number(value.toPrecision(4))) : '-');

const row = (name: string, figure: Figure | undefined, goal: string, met: boolean | undefined): string => {
  const { c = Number.NaN, ours = Number.NaN, gain = Number.NaN, unit = '' } = figure ?? {};
  const columns = [name.padEnd(38), number(c).padStart(10), number(ours).padStart(10), unit.padEnd(8)];
  const verdict = met === undefined ? '' : met ? 'met' : 'MISSED';
  return [...columns, number(gain).padStart(8), goal.padStart(9), verdict].join(' ').trimEnd();
};

/** What ours is in comparison with another figure of ours, in the place of the gain. */
const comparison = (words: string, value: number, atMost: number): string =>
  row(`  ${words}`, undefined, `≤ ${number(atMost)}`, value <= atMost).replace(/-( +≤)/, `${number(value)}$1`);

const judge = (goal: Goal, figures: ReadonlyMap<string, Figure>): string => {
  const figure = figures.get(goal.figure);
  const ours = (name: string): number => figures.get(name)?.ours ?? Number.NaN;
  switch (goal.kind) {
    case 'gain':
      return row(goal.figure, figure, `≥ ${number(goal.atLeast)}`, (figure?.gain ?? 0) >= goal.atLeast);
    case 'growth':
      return comparison(`against ${goal.small}`, ours(goal.figure) / ours(goal.small), goal.atMost);
    case 'added':
      return comparison(`above ${goal.base}`, ours(goal.figure) - ours(goal.base), goal.atMost);
    case 'peer':
      return row(goal.figure, figure, '≤ C', figure !== undefined && figure.ours <= figure.c);
  }
};

/** Of what fails, the time says nothing. */
const failures = (figures: ReadonlyMap<string, Figure>): string[] =>
  [...figures.keys()]
    .filter((name) => name.endsWith('.failed'))
    .map((name) => `FAILED: ${name.replace('.failed', '')}`);

const datapath = 'datapath';

const datapathRow = ({ name, value, unit, atMost, atLeast }: DatapathFigure): string => {
  const goal = atMost !== undefined ? `≤ ${number(atMost)}` : atLeast !== undefined ? `≥ ${number(atLeast)}` : '';
  const met = value <= (atMost ?? Number.POSITIVE_INFINITY) && value >= (atLeast ?? Number.NEGATIVE_INFINITY);
  const verdict = goal === '' ? '' : met ? 'met' : 'MISSED';
  return [name.padEnd(38), number(value).padStart(21), unit.padEnd(8), goal.padStart(18), verdict].join(' ').trimEnd();
};

interface Options {
  readonly rows: string;
  readonly rounds: string;
  readonly all?: boolean;
}

const run = async (names: readonly string[], { rows, rounds, all }: Options): Promise<void> => {
  const chosen = workloads(Number(rows)).filter(({ name }) => names.length === 0 || names.includes(name));
  console.log(row('figure', undefined, 'goal', undefined).replace(/-( +)-( +)-/, 'C$1ours$2gain'));
  for (const workload of chosen) {
    console.log(`\n${workload.name}: ${workload.what}`);
    const figures = await measure(workload, Number(rounds));
    for (const line of [...workload.goals.map((goal) => judge(goal, figures)), ...failures(figures)]) console.log(line);
    if (all) for (const [name, figure] of figures) console.log(row(name, figure, '', undefined));
  }
  if (names.length > 0 && !names.includes(datapath)) return;
  console.log(`\n${datapath}: the switch against ip -batch, a bridge made by hand, and the C daemon`);
  for (const figure of await measureDatapath(Number(rounds))) console.log(datapathRow(figure));
};

await new Command('bench')
  .description(
    `Compares these programs with the C ones, in one run, against the goals.\nWorkloads: ${[
      ...workloads(0).map(({ name }) => name),
      datapath,
    ].join(', ')}`,
  )
  .argument('[workload...]', 'all if none is named')
  .option('--rows <number>', 'rows of the large database', '10000')
  .option('--rounds <number>', 'times each is run', '3')
  .option('--all', 'print every figure, not only those with a goal')
  .action(run)
  .parseAsync();
