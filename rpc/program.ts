import { type Command, Option as CommanderOption } from 'commander';
import { completeArguments } from './arguments.ts';
import { type Option, UsageError } from './options.ts';

/**
 * Reads the command line and does what it says; resolves to the exit code. What is wrong with it, and what goes wrong, is
 * told on the standard error output after the program's name.
 * @param run is given the operand, or all of them if the program takes any number; resolves to the exit code; what it
 *   throws is the user's to read
 */
export const runProgram = async <Operands, Settings>(
  program: Command,
  run: (operands: Operands, options: Settings) => Promise<number>,
): Promise<number> => {
  const name = program.name();
  let code = 0;
  program
    .configureOutput({ outputError: (text, write) => write(`${name}: ${text.replace(/^error: /, '')}`) })
    .action(async (...[operands, options]: [Operands, Settings]) => {
      code = await run(operands, options);
    });
  try {
    await program.parseAsync(completeArguments(process.argv.slice(2), program), { from: 'user' });
    return code;
  } catch (error) {
    process.stderr.write(`${name}: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
};

/** What an option does, for a program's help, and what its value is called there. */
export type Description = string | readonly [text: string, value: string];

/**
 * Adds options that are described for `applyOptions` to a program that commander reads the options of.
 * @param descriptions by their long names
 */
export const addOptions = <Settings>(
  program: Command,
  options: readonly Option<Settings>[],
  settings: Settings,
  descriptions: ReadonlyMap<string, Description>,
): void => {
  for (const { long, short, argument, apply } of options) {
    const description = descriptions.get(long) ?? '';
    const [text, name = 'value'] = typeof description === 'string' ? [description] : description;
    const value = argument === undefined ? '' : argument === 'required' ? ` <${name}>` : ` [${name}]`;
    program.addOption(new CommanderOption(`${short === undefined ? '' : `-${short}, `}--${long}${value}`, text));
    program.on(`option:${long}`, (given: string | null) => {
      try {
        apply(settings, given ?? '');
      } catch (error) {
        throw error instanceof UsageError ? program.error(error.message) : error;
      }
    });
  }
};
