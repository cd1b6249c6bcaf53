import { commands } from './commands.ts';
import { globalOptions, type Options } from './options.ts';
import { loadSchema } from './switch-schema.ts';

/** The Open vSwitch whose commands these are. */
const version = '3.7.0';

/** An argument, marked as bash completion wants it: ! for one, ? for at most one, + and * for several. */
const usageWord = (word: string): string => {
  const [, optional, name = '', many] = /^(\[?)(.*?)\]?(\.\.\.)?$/.exec(word.replace('[:KEY]', '?:KEY')) ?? [];
  if (word.startsWith('[KEY=]')) return `+?${name.replace(']', '')}`;
  return `${many === undefined ? (optional === '' ? '!' : '?') : optional === '' ? '+' : '*'}${name}`;
};

/** The words of a synopsis in that form. */
export const argumentWords = (synopsis: string): string[] =>
  synopsis
    .split(' ')
    .filter((word) => word !== '')
    .map(usageWord);

/** One line for each command: options, name, arguments, in the form that bash completion reads. */
const commandList = (): string => {
  const list = [...commands.values()].map(({ name, usage, options }) => {
    const shown = options.map((option) => `[${option}] `).join('');
    return `${shown},${name},${argumentWords(usage).join(' ')}\n`;
  });
  return list.join('');
};

const optionList = (): string =>
  globalOptions
    .map(({ name, short, argument }) => {
      const takes = argument !== 'none';
      return `--${name}${takes ? '=ARG' : ''}\n${short === undefined ? '' : `-${short}${takes ? ' ARG' : ''}\n`}`;
    })
    .join('');

const texts: { readonly [what in NonNullable<Options['instead']>]: () => string | Promise<string> } = {
  help: async () => (await import('./help.ts')).helpText(),
  version: () => `ovs-vsctl (Open vSwitch) ${version}\nDB Schema ${loadSchema().version}\n`,
  commands: commandList,
  options: optionList,
};

/** What `--help`, `--version`, `--commands` and `--options` print. */
export const informationText = async (what: NonNullable<Options['instead']>): Promise<string> => texts[what]();
