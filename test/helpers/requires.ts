import { accessSync, constants } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Feature, hostHas, kernelHas } from './kernel.ts';

/** Something that only another kernel has: the host's own, or Debian's in the virtual machine. */
interface Kernel {
  readonly feature: Feature;
}

/** Why a test cannot run on this machine; undefined when it can. */
type Requirement = string | Kernel | undefined;

/** A program that must be installed. */
export const program = (name: string, debianPackage: string): Requirement =>
  findProgram(name) === undefined ? `needs the program ${name} (Debian: apt-get install ${debianPackage})` : undefined;

/**
 * Something that the kernel must have. Tests that need it are in files named `*.vm.test.ts`, which run both on the host
 * and in the virtual machine (`npm run test:vm`): in one of the two it must be there.
 */
export const kernel = (feature: Feature): Requirement => (kernelHas(feature) ? undefined : { feature });

export const root = (): Requirement => (process.getuid?.() === 0 ? undefined : 'needs root');

/** The C programs of Open vSwitch that speak OVSDB, which serve as the reference. */
export const cPrograms = (): Requirement =>
  program('ovsdb-server', 'openvswitch-common') ??
  program('ovsdb-tool', 'openvswitch-common') ??
  program('ovsdb-client', 'openvswitch-common') ??
  program('ovs-vsctl', 'openvswitch-switch');

/** The path of an installed program, by its name or its path; also of one that lives in sbin, which a user's PATH may lack. */
export const findProgram = (name: string): string | undefined =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']
    .map((folder) => resolve(folder, name))
    .find((path) => isExecutable(path));

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

export type Body = (t: ExecutionContext) => Promise<void> | void;
type Declare = (title: string, body: Body) => void;

const skipped =
  (reason: string): Declare =>
  (title, body) =>
    test.serial.skip(`${title} [${reason}]`, body);

const failing =
  (reason: string): Declare =>
  (title) =>
    test.serial(title, (t) => t.fail(reason));

/** What the kernel lacks is no failure if the test runs where another kernel is: build/vm/test.mjs sees to that. */
function lackingFeatures(features: readonly Feature[]): Declare {
  const reason = `needs a kernel with ${features.join(', ')}`;
  const inMachine = features.map((feature) => hostHas(feature));
  if (inMachine.includes(false)) return failing(`${reason}, which neither this one nor the host's has`);
  if (inMachine.includes(undefined) && !test.meta.file.endsWith('.vm.test.js')) {
    throw new Error('a test that needs features of the kernel belongs in a file named *.vm.test.ts');
  }
  return skipped(reason);
}

/**
 * A `test.serial` for what needs more than Node: skipped, with the reason in its title, where a requirement is
 * missing; but a failure under CI, so that nothing goes unproved there unnoticed.
 */
export const testRequiring = (...requirements: readonly Requirement[]): Declare => {
  const reason = requirements.find((each) => typeof each === 'string');
  if (reason !== undefined) return process.env.CI ? failing(reason) : skipped(reason);
  const features = requirements.flatMap((each) => (typeof each === 'object' ? each.feature : []));
  return features.length > 0 ? lackingFeatures(features) : test.serial;
};
