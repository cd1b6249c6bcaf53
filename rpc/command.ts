import type { Json } from '../schema/json.ts';

/** A refusal, told to who asked in so many words. */
export class CommandError extends Error {}

/** One command of a control socket (ovs-appctl(8)). */
export interface Command {
  readonly name: string;
  /** The arguments, for people. */
  readonly usage: string;
  /** An old name of another: it works, and is not listed. */
  readonly hidden?: true;
  readonly min: number;
  readonly max: number;
  /**
   * Gives the answer, or a promise of it.
   * @throws CommandError
   */
  readonly run: (args: readonly string[]) => string | Promise<string>;
}

/** Any number of arguments. */
export const unlimited = Number.POSITIVE_INFINITY;

/** A command without arguments. */
export const plainCommand = (name: string, run: () => string | Promise<string>): Command => ({
  name,
  usage: '',
  min: 0,
  max: 0,
  run,
});

/** The commands of a program, by name. */
export class Commands {
  readonly #commands = new Map<string, Command>();

  constructor(...tables: readonly (readonly Command[])[]) {
    const list = () => this.#list();
    for (const table of [[plainCommand('list-commands', list)], ...tables]) {
      for (const command of table) this.#commands.set(command.name, command);
    }
  }

  #list(): string {
    const commands = [...this.#commands.values()]
      .filter(({ hidden }) => !hidden)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const lines = commands.map(({ name, usage }) => `  ${name.padEnd(23)} ${usage}\n`);
    return `The available commands are:\n${lines.join('')}`;
  }

  /** @throws CommandError */
  async run(name: string, params: readonly Json[]): Promise<string> {
    const command = this.#commands.get(name);
    if (command === undefined) {
      throw new CommandError(`"${name}" is not a valid command (use "list-commands" to see a list of valid commands)`);
    }
    const { min, max } = command;
    if (params.length < min) throw new CommandError(`"${name}" command requires at least ${min} arguments`);
    if (params.length > max) throw new CommandError(`"${name}" command takes at most ${max} arguments`);
    return command.run(params.map((param) => argument(name, param)));
  }
}

const argument = (command: string, param: Json): string => {
  if (typeof param !== 'string') throw new CommandError(`"${command}" command has non-string argument`);
  return param;
};
