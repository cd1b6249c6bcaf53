import type { Command } from './command.ts';
import type { Invocation } from './context.ts';
import { CommandFailure } from './failure.ts';

/** A command with the arguments it was given. */
export interface ParsedCommand {
  readonly command: Command;
  readonly invocation: Invocation;
}

/**
 * Splits what follows the global options at each `--`, and reads each part as a command: options, name, arguments.
 * @param firstOptions options of the first command that stood among the global ones
 * @throws CommandFailure
 */
export const parseCommands = (
  words: readonly string[],
  firstOptions: readonly Option[],
  commands: ReadonlyMap<string, Command>,
): ParsedCommand[] => {
  const parsed: ParsedCommand[] = [];
  let start = 0;
  for (let end = 0; end <= words.length; end++) {
    if (end < words.length && words[end] !== '--') continue;
    if (end > start)
      parsed.push(parseCommand(words.slice(start, end), parsed.length === 0 ? firstOptions : [], commands));
    start = end + 1;
  }
  if (parsed.length === 0) throw new CommandFailure('missing command name (use --help for help)');
  return parsed;
};

/** An option of a command: its name with the leading "--", and its value if it was given one. */
export interface Option {
  readonly name: string;
  readonly value: string | undefined;
}

const parseCommand = (
  words: readonly string[],
  given: readonly Option[],
  commands: ReadonlyMap<string, Command>,
): ParsedCommand => {
  const options = new Map<string, string | undefined>();
  // Of an option that stands twice among the global ones, the first counts.
  for (const { name, value } of given) if (!options.has(name)) options.set(name, value);
  let at = 0;
  for (; words[at]?.startsWith('-'); at++) addOption(options, words[at] ?? '');
  const name = words[at];
  if (name === undefined) throw new CommandFailure('missing command name (use --help for help)');
  const command = commands.get(name);
  if (command === undefined) throw new CommandFailure(`unknown command '${name}'; use --help for help`);
  checkOptions(command, options);
  const rest = words.slice(at + 1);
  checkCount(command, rest);
  return { command, invocation: { name, options, arguments: rest } };
};

const addOption = (options: Map<string, string | undefined>, word: string): void => {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  if (options.has(name)) throw new CommandFailure(`'${word}' option specified multiple times`);
  options.set(name, equals < 0 ? undefined : word.slice(equals + 1));
};

const checkOptions = ({ name, options: allowed }: Command, options: ReadonlyMap<string, string | undefined>): void => {
  for (const [option, value] of options) {
    const takesValue = allowed.includes(`${option}=`);
    if (!takesValue && !allowed.includes(option))
      throw new CommandFailure(`'${name}' command has no '${option}' option`);
    if (takesValue && value === undefined) {
      throw new CommandFailure(`missing argument to '${option}' option on '${name}' command`);
    }
    if (!takesValue && value !== undefined) {
      throw new CommandFailure(`'${option}' option on '${name}' does not accept an argument`);
    }
  }
};

const checkCount = ({ name, minArguments, maxArguments }: Command, words: readonly string[]): void => {
  if (words.length < minArguments) {
    throw new CommandFailure(`'${name}' command requires at least ${minArguments} arguments`);
  }
  if (words.length <= maxArguments) return;
  const hint = words.some((word) => word.startsWith('-'))
    ? ' (note that options must precede command names and follow a "--" argument)'
    : '';
  throw new CommandFailure(`'${name}' command takes at most ${maxArguments} arguments${hint}`);
};
