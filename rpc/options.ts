/** The command line is wrong; its message says how, without the program's name. */
export class UsageError extends Error {}

/** One option of a program that keeps what its options say in `Settings`. */
export interface Option<Settings> {
  readonly long: string;
  readonly short?: string;
  readonly argument?: 'required' | 'optional';
  /** @throws UsageError when the value is no good */
  readonly apply: (settings: Settings, value: string) => void;
}

/**
 * Applies the options of a command line as C's getopt_long() does: long names may be abbreviated, options may stand
 * behind operands, `--` ends them. An optional argument that is absent is ''.
 * @param leading options end at the first operand: what follows is for another program
 * @returns the operands
 * @throws UsageError in the words of getopt_long()
 */
export const applyOptions = <Settings>(
  args: readonly string[],
  options: readonly Option<Settings>[],
  settings: Settings,
  leading = false,
): string[] => {
  const operands: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (leading && !arg.startsWith('-')) return [arg, ...rest];
    if (arg === '--') return [...operands, ...rest];
    if (arg.startsWith('--')) applyLong(arg.slice(2), rest, options, settings);
    else if (arg.startsWith('-') && arg !== '-') applyShort(arg.slice(1), rest, options, settings);
    else operands.push(arg);
  }
  return operands;
};

const applyLong = <Settings>(
  text: string,
  rest: string[],
  options: readonly Option<Settings>[],
  settings: Settings,
): void => {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  const option = findLong(text, name, options);
  const given = equals < 0 ? undefined : text.slice(equals + 1);
  if (option.argument === undefined && given !== undefined) {
    throw new UsageError(`option '--${option.long}' doesn't allow an argument`);
  }
  const value = given ?? (option.argument === 'required' ? rest.shift() : '');
  if (value === undefined) throw new UsageError(`option '--${option.long}' requires an argument`);
  option.apply(settings, value);
};

const findLong = <Settings>(text: string, name: string, options: readonly Option<Settings>[]): Option<Settings> => {
  const candidates = options.filter(({ long }) => long.startsWith(name));
  const exact = candidates.find(({ long }) => long === name);
  const [only, ...others] = candidates;
  if (exact !== undefined) return exact;
  if (only === undefined) throw new UsageError(`unrecognized option '--${text}'`);
  if (others.length === 0) return only;
  const possibilities = candidates.map(({ long }) => `'--${long}'`).join(' ');
  throw new UsageError(`option '--${text}' is ambiguous; possibilities: ${possibilities}`);
};

/** Letters that share one dash; the first that takes an argument has the rest of the text for it. */
const applyShort = <Settings>(
  letters: string,
  rest: string[],
  options: readonly Option<Settings>[],
  settings: Settings,
): void => {
  for (const [at, letter] of [...letters].entries()) {
    const option = options.find(({ short }) => short === letter);
    if (option === undefined) throw new UsageError(`invalid option -- '${letter}'`);
    if (option.argument === undefined) {
      option.apply(settings, '');
      continue;
    }
    const attached = letters.slice(at + 1);
    const value = attached || (option.argument === 'required' ? rest.shift() : '');
    if (value === undefined) throw new UsageError(`option requires an argument -- '${letter}'`);
    option.apply(settings, value);
    return;
  }
};
