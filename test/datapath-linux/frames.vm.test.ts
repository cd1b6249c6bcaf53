/**
 * What becomes of frames: each file of test/cases/frames against our switch, the C daemon's userspace datapath, and its
 * kernel datapath. UPDATE=1 writes down what the userspace datapath does.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Feature, listedFeatures } from '../helpers/kernel.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, kernel, program, root, testRequiring } from '../helpers/requires.ts';
import { differences } from './frames/differences.ts';
import { parseCase, type SentFrame, withExpectations } from './frames/frame-case.ts';
import { FrameLab, inMachine, type Subject } from './frames/frame-lab.ts';

const folder = projectFile('test/cases/frames');
/** FRAMES=name runs only the files whose name has that in it. */
const cases = readdirSync(folder)
  .filter((name) => name.endsWith('.frames') && name.includes(process.env.FRAMES ?? ''))
  .map((name) => ({ name: basename(name, '.frames'), path: join(folder, name) }))
  .map((each) => ({ ...each, parsed: parseCase(readFileSync(each.path, 'utf8')) }));

const featureOf = (text: string): Feature => {
  const feature = listedFeatures.find((each) => each === text);
  if (feature === undefined) throw new Error(`no feature of the kernel: ${text}`);
  return feature;
};

/** Where a frame is expected to arrive: as in Open vSwitch, unless a difference is known. */
function expectation(subject: Subject, file: string, { text, expected }: SentFrame): string {
  const frame = text.replace(/^send /, '');
  const known = differences[subject].map(({ cases: known }) => known[file]?.[frame]);
  return known.find((arrives) => arrives !== undefined) ?? expected;
}

/** All that is not as expected is told at once, by file. */
const runCases = (subject: Subject, files: readonly (typeof cases)[number][]) => async (t: ExecutionContext) => {
  const lab = await FrameLab.start(t, subject);
  const wrong: Record<string, string[]> = {};
  for (const { name, path, parsed } of files) {
    const found = await lab.run(parsed);
    if (process.env.UPDATE && subject === 'c-netdev') {
      writeFileSync(path, withExpectations(readFileSync(path, 'utf8'), found));
      continue;
    }
    const lines = parsed.groups.flat().flatMap((sent) => {
      const [arrived, expected] = [found.get(sent.text), expectation(subject, name, sent)];
      return arrived === expected ? [] : [`${sent.text} -> ${arrived}, but expected: ${expected}`];
    });
    if (lines.length > 0) wrong[name] = lines;
  }
  t.deepEqual(wrong, {});
};

const python = program('python3', 'python3');
const cSwitch = program('ovs-vswitchd', 'openvswitch-switch');

// It does not depend on the kernel: the host's will do.
if (!inMachine) {
  testRequiring(
    root(),
    python,
    cPrograms(),
    cSwitch,
  )('frames go where the case files say in the C userspace datapath', runCases('c-netdev', cases));
}

testRequiring(
  root(),
  python,
  cPrograms(),
  cSwitch,
  kernel('openvswitch'),
)('frames go where the case files say in the C kernel datapath', runCases('c-system', cases));

/** Cases that need the same features of the kernel are one test. */
const needs = [...new Set(cases.map(({ parsed }) => parsed.needs.join(', ')))];
for (const need of needs) {
  const features = need === '' ? [] : need.split(', ').map(featureOf);
  const title = `frames go where the case files say in our switch${need === '' ? '' : ` (${need})`}`;
  testRequiring(
    root(),
    python,
    cPrograms(),
    ...features.map(kernel),
  )(
    title,
    runCases(
      'ours',
      cases.filter(({ parsed }) => parsed.needs.join(', ') === need),
    ),
  );
}
