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
import { type FrameCase, parseCase, withExpectations } from './frames/frame-case.ts';
import { FrameLab, type Subject } from './frames/frame-lab.ts';

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

/** What a subject is expected to do with each frame of a case. */
function expectations(subject: Subject, name: string, { groups }: FrameCase): string[] {
  const known = differences[subject].filter(({ file }) => file === name);
  return groups.flat().map(({ text, expected }) => {
    return `${text} -> ${known.find(({ frame }) => `send ${frame}` === text)?.arrives ?? expected}`;
  });
}

const runCases = (subject: Subject, names: readonly (typeof cases)[number][]) => async (t: ExecutionContext) => {
  const lab = await FrameLab.start(t, subject);
  for (const { name, path, parsed } of names) {
    const found = await lab.run(parsed);
    if (process.env.UPDATE && subject === 'c-netdev') {
      writeFileSync(path, withExpectations(readFileSync(path, 'utf8'), found));
      continue;
    }
    const lines = [...found].map(([text, arrivals]) => `${text} -> ${arrivals}`);
    t.deepEqual(lines, expectations(subject, name, parsed), name);
  }
  t.pass();
};

const python = program('python3', 'python3');
const cSwitch = program('ovs-vswitchd', 'openvswitch-switch');

testRequiring(
  root(),
  python,
  cPrograms(),
  cSwitch,
)('frames go where the case files say in the C userspace datapath', runCases('c-netdev', cases));

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
