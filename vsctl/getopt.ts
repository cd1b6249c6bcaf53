import { CommandFailure } from './failure.ts';

/** An option that may stand before the first command. */
export interface OptionSpec {
  /** Without the leading "--". */
  readonly name: string;
  /** A single letter. */
  readonly short?: string;
  readonly argument: 'none' | 'required' | 'optional';
  /** Whether it is an option of commands, rather than a global one. */
  readonly isOfCommand?: boolean;
}

export interface GivenOption {
  readonly spec: OptionSpec;
  readonly value: string | undefined;
}

/**
 * Reads options up to the first word that is none, as C's getopt_long() does: long ones may be abbreviated, a value
 * follows "=" or is the next word, short ones may be joined.
 * @throws CommandFailure
 */
export const getopt = (
  words: readonly string[],
  specs: readonly OptionSpec[],
): { given: GivenOption[]; rest: string[] } => {
  const given: GivenOption[] = [];
  const queue = [...words];
  for (let word = queue[0]; word?.startsWith('-') && word !== '-'; word = queue[0]) {
    queue.shift();
    if (word === '--') break;
    if (word.startsWith('--')) given.push(longOption(word, queue, specs));
    else given.push(...shortOptions(word.slice(1), queue, specs));
  }
  return { given, rest: queue };
};

const longOption = (word: string, queue: string[], specs: readonly OptionSpec[]): GivenOption => {
  const [, name = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  const spec = findLong(word, name, specs);
  if (spec.argument === 'none' && value !== undefined) {
    throw new CommandFailure(`option '--${spec.name}' doesn't allow an argument`);
  }
  if (spec.argument !== 'required' || value !== undefined) return { spec, value };
  const next = queue.shift();
  if (next === undefined) throw new CommandFailure(`option '--${spec.name}' requires an argument`);
  return { spec, value: next };
};

const findLong = (word: string, name: string, specs: readonly OptionSpec[]): OptionSpec => {
  const exact = specs.find((spec) => spec.name === name);
  if (exact !== undefined) return exact;
  const [spec, ...others] = specs.filter((each) => each.name.startsWith(name));
  if (spec === undefined) throw new CommandFailure(`unrecognized option '${word}'`);
  if (others.some((each) => !isSameKind(each, spec))) {
    const possibilities = [spec, ...others].map((each) => ` '--${each.name}'`).join('');
    throw new CommandFailure(`option '${word}' is ambiguous; possibilities:${possibilities}`);
  }
  return spec;
};

/** Options of commands are all one to getopt_long(): of several that take an argument alike the first is meant. */
const isSameKind = (a: OptionSpec, b: OptionSpec): boolean =>
  a.isOfCommand === true && b.isOfCommand === true && a.argument === b.argument;

const shortOptions = (letters: string, queue: string[], specs: readonly OptionSpec[]): GivenOption[] => {
  const given: GivenOption[] = [];
  for (let at = 0; at < letters.length; at++) {
    const letter = letters.charAt(at);
    const spec = specs.find((each) => each.short === letter);
    if (spec === undefined) throw new CommandFailure(`invalid option -- '${letter}'`);
    const rest = letters.slice(at + 1);
    if (spec.argument === 'none') {
      given.push({ spec, value: undefined });
      continue;
    }
    const value = rest !== '' ? rest : spec.argument === 'required' ? queue.shift() : undefined;
    if (value === undefined && spec.argument === 'required') {
      throw new CommandFailure(`option requires an argument -- '${letter}'`);
    }
    given.push({ spec, value });
    break;
  }
  return given;
};
