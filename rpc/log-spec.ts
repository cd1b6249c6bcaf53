import { isLevel, type Level, type LogModule, logModule, logModules, setLevels } from './log.ts';
import { type Destination, destinations, isDestination, setLogFacility, setLogPattern } from './log-destination.ts';
import { cModules } from './log-modules.ts';
import { facilities } from './syslog.ts';

/** A specification of what to log that cannot be understood; the message says where. */
export class LogSpecError extends Error {}

const separators = /[ ,:\t]+/;

/**
 * Applies a specification (ovs-appctl(8), "vlog/set"): `[MODULE][:DESTINATION[:LEVEL]]` in any order,
 * `PATTERN:DESTINATION:PATTERN` or `FACILITY:FACILITY`. Words are told apart by what they name, whatever their case.
 * @throws LogSpecError; nothing has changed then
 */
export const applyLogSpec = (spec: string): void => {
  const [first = '', second = ''] = words(spec);
  if (first.toUpperCase() === 'PATTERN') applyPattern(spec);
  else if (first.toUpperCase() === 'FACILITY') applyFacility(second);
  else applyLevel(words(spec));
};

const words = (spec: string): string[] => spec.split(separators).filter((word) => word !== '');

const applyPattern = (spec: string): void => {
  const [, name, pattern = ''] = /^[ ,:\t]*pattern(?:[ ,:\t]+([^ ,:\t]+)[ ,:\t]?(.*))?$/is.exec(spec) ?? [];
  if (name === undefined) throw new LogSpecError('missing destination');
  const lower = name.toLowerCase();
  if (lower !== 'any' && !isDestination(lower)) throw new LogSpecError(`unknown destination "${name}"`);
  for (const each of destinations) if (lower === 'any' || lower === each) setLogPattern(each, pattern);
};

const applyFacility = (name: string): void => {
  const facility = facilities.get(name.toLowerCase());
  if (facility === undefined) throw new LogSpecError('invalid facility');
  setLogFacility(facility);
};

const applyLevel = (given: readonly string[]): void => {
  let module: LogModule | undefined;
  let destination: Destination | undefined;
  let level: Level | undefined;
  for (const word of given) {
    const lower = word.toLowerCase();
    if (lower === 'any') continue;
    if (isDestination(lower)) {
      destination = once(destination, lower, 'destinations');
      continue;
    }
    if (isLevel(lower)) {
      level = once(level, lower, 'levels');
      continue;
    }
    const named = findModule(word);
    if (named === undefined) throw new LogSpecError(`no destination, level, or module "${word}"`);
    module = once(module, named, 'modules');
  }
  setLevels(module, destination, level ?? 'dbg');
};

const once = <Value>(before: Value | undefined, value: Value, what: string): Value => {
  if (before !== undefined) throw new LogSpecError(`cannot specify multiple ${what}`);
  return value;
};

/** A module that logs here, or one of the C programs' by which a script may ask for silence. */
export const findModule = (name: string): LogModule | undefined => {
  const wanted = name.toLowerCase();
  const known = logModules().find((module) => module.name.toLowerCase() === wanted);
  return known ?? (cModules.has(wanted) ? logModule(wanted) : undefined);
};
