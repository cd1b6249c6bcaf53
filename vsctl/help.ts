import { Command as Program } from 'commander';
import { commands } from './commands.ts';
import { globalOptions } from './options.ts';

/** What `--help` prints. */
export const helpText = (): string => {
  const program = new Program('ovs-vsctl').helpOption(false).helpCommand(false);
  for (const { name, short, argument } of globalOptions) {
    const flags = short === undefined ? `--${name}` : `-${short}, --${name}`;
    program.option(argument === 'none' ? flags : argument === 'required' ? `${flags} <value>` : `${flags} [value]`);
  }
  for (const { name, usage, options } of commands.values()) {
    program.command(name).usage([...options.map((option) => `[${option}]`), usage].join(' '));
  }
  return program.helpInformation();
};
