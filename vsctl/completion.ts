import { type DatabaseSchema, type TableSchema, uuidColumn } from '../schema/schema.ts';
import { type BaseType, isMap } from '../schema/type.ts';
import type { Command } from './command.ts';
import { commands } from './commands.ts';
import { argumentWords } from './information.ts';
import { globalOptions } from './options.ts';
import { namings } from './record.ts';

type Entries = readonly (readonly [name: string, words: readonly string[]])[];

/** A list of words for bash, of characters that mean nothing to it between quotes. */
const quote = (words: readonly string[]): string => `'${words.join(' ')}'`;
const list = (name: string, words: readonly string[]): string => `_ovs_vsctl_${name}=${quote(words)}\n`;
const table = (name: string, entries: Entries): string =>
  `declare -gA _ovs_vsctl_${name}=(\n${entries.map(([key, words]) => `  [${key}]=${quote(words)}\n`).join('')})\n`;

/** Options in their long and short form; one that takes a value, be it as the next word, ends in "=". */
const optionWords = (): string[] =>
  globalOptions.flatMap(({ name, short, argument }) => {
    const end = argument === 'required' ? '=' : '';
    return short === undefined ? [`--${name}${end}`] : [`--${name}${end}`, `-${short}${end}`];
  });

/** A table's columns; a map's name ends in ":". */
const columnWords = ({ ownColumns }: TableSchema): string[] =>
  ownColumns.map(({ name, type }) => (isMap(type) ? `${name}:` : name));

const possibleValues = ({ type, enum: values }: BaseType): string[] =>
  type === 'boolean' ? ['false', 'true'] : (values ?? []).map(String);

/** Table and column to find the names of a table's records in; nothing but "." where there is one record. */
const recordWords = ({ name }: TableSchema): string[] => {
  const { table = name, column } = namings.get(name) ?? { column: uuidColumn.name };
  return column === undefined ? ['.'] : [table, column];
};

/** The arguments as they are listed, unless that says no more than how many there are. */
const telling = ({ usage, synopsis = usage }: Command): string => (/\bARG\b|^$/.test(usage) ? synopsis : usage);

/** What completion.bash has to know: the commands, the options, and the database's schema, as arrays of bash. */
export const completionTables = ({ tables }: DatabaseSchema): string => {
  const each = [...tables.values()];
  const values = each.flatMap(({ name, ownColumns }) =>
    ownColumns.map(
      (column) => [`${name}.${column.name}`, possibleValues(column.type.value ?? column.type.key)] as const,
    ),
  );
  const rows = [...commands.values()];
  return [
    list('options', optionWords()),
    table(
      'arguments',
      rows.map((command) => [command.name, argumentWords(telling(command))]),
    ),
    table(
      'command_options',
      rows.map(({ name, options }) => [name, options]),
    ),
    table(
      'columns',
      each.map((one) => [one.name, columnWords(one)]),
    ),
    table(
      'values',
      values.filter(([, words]) => words.length > 0),
    ),
    table(
      'records',
      each.map((one) => [one.name, recordWords(one)]),
    ),
  ].join('');
};
