import { accessSync, constants } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import test, { type ExecutionContext } from 'ava';

/** Why a test cannot run on this machine; undefined when it can. */
type Requirement = string | undefined;

/** A program that must be installed. */
export const program = (name: string, debianPackage: string): Requirement =>
  findProgram(name) === undefined ? `needs the program ${name} (Debian: apt-get install ${debianPackage})` : undefined;

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

/**
 * A `test.serial` for what needs more than Node: skipped, with the reason in its title, where a requirement is
 * missing; but a failure under CI, so that nothing goes unproved there unnoticed.
 */
export const testRequiring = (...requirements: readonly Requirement[]): Declare => {
  const reason = requirements.find((each) => each !== undefined);
  if (reason === undefined) return test.serial;
  if (process.env.CI) return (title) => test.serial(title, (t) => t.fail(reason));
  return (title, body) => test.serial.skip(`${title} [${reason}]`, body);
};
