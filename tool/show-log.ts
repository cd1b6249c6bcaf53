import { statSync } from 'node:fs';
import { parseDatum } from '../schema/datum-parser.ts';
import { OvsdbError } from '../schema/error.ts';
import { formatJson, isObject, type Json, type JsonObject, member, parseJson } from '../schema/json.ts';
import { printDatum } from '../schema/print.ts';
import { type DatabaseSchema, parseSchema, schemaToJson, type TableSchema } from '../schema/schema.ts';
import { snapshotRecord } from '../server/log-record.ts';
import { isSqlite, openLog, readDatabase } from './database-file.ts';
import { Failure } from './failure.ts';

/**
 * Prints the records of a database. A file of ours holds no log: it is shown as a log with the schema and one
 * transaction, which makes what the database holds.
 * @param verbosity 1 shows which rows changed, 2 also what became of them
 * @throws OvsdbError for the first record that is damaged; those before it are printed
 */
export const showLog = (path: string, verbosity: number, print: (text: string) => void): void => {
  let view: LogView | undefined;
  let number = 0;
  for (const record of records(path)) {
    print(`record ${number++}:`);
    if (view === undefined) {
      view = new LogView(parseSchema(record), verbosity);
      print(view.head());
    } else {
      print(view.transaction(record));
    }
    print('\n');
  }
};

function* records(path: string): Generator<Json> {
  if (isSqlite(path)) {
    const { schema, tables } = readDatabase(path);
    yield schemaToJson(schema);
    yield parseJson(snapshotRecord(tables, { date: Math.floor(statSync(path).mtimeMs) }).text);
    return;
  }
  const log = openLog(path);
  if (log.kind === 'clustered') throw new Failure(`${path}: is a clustered database, whose log cannot be shown`);
  for (let record = log.next(); record !== undefined; record = log.next()) yield record;
}

/** Before this, in ms, a date is one in seconds, as old versions of Open vSwitch wrote it. */
const firstMilliseconds = 2 ** 31 - 1;

/** Puts the records of one database into words. */
class LogView {
  readonly #schema: DatabaseSchema;
  readonly #verbosity: number;
  /** What rows that exist are called, by uuid. */
  readonly #names = new Map<string, string>();

  constructor(schema: DatabaseSchema, verbosity: number) {
    this.#schema = schema;
    this.#verbosity = verbosity;
  }

  head(): string {
    const { name, version, cksum } = this.#schema;
    return ` "${name}" schema, version="${version}", cksum="${cksum}"\n`;
  }

  transaction(json: Json): string {
    if (!isObject(json)) return '';
    const date = member(json, '_date');
    const comment = member(json, '_comment');
    return [
      typeof date === 'number' ? ` ${dateText(date)}` : '',
      typeof comment === 'string' ? ` "${comment}"` : '',
      this.#verbosity > 0 ? this.#changes(json) : '',
    ].join('');
  }

  #changes(record: JsonObject): string {
    const isDiff = member(record, '_is_diff') === true;
    const tables = Object.entries(record).flatMap(([table, rows]) =>
      table.startsWith('_') || !isObject(rows)
        ? []
        : [
            Object.entries(rows)
              .map(([uuid, row]) => this.#row(table, uuid, row, isDiff))
              .join(''),
          ],
    );
    return tables.length === 0 ? '' : `\n${tables.join('')}`;
  }

  #row(table: string, uuid: string, row: Json, isDiff: boolean): string {
    const columns = isObject(row) ? row : {};
    const old = this.#names.get(uuid);
    const nameJson = member(columns, 'name');
    const name = nameJson === undefined ? undefined : formatJson(nameJson, true);
    const short = uuid.slice(0, 8);
    const head = old === undefined ? insertion(name, short) : ` row ${old} (${short})${isDiff ? ' diff' : ''}:\n`;
    if (row === null) this.#names.delete(uuid);
    else this.#names.set(uuid, name ?? old ?? short);
    const values = row === null ? '    delete row\n' : this.#values(this.#schema.tables.get(table), columns);
    return `  table ${table}${head}${values}`;
  }

  #values(table: TableSchema | undefined, columns: JsonObject): string {
    if (this.#verbosity < 2) return '';
    return Object.entries(columns)
      .map(([name, value]) => `    ${name}=${valueText(table, name, value)}\n`)
      .join('');
  }
}

const insertion = (name: string | undefined, uuid: string): string =>
  name === undefined ? ` insert row ${uuid}:\n` : ` insert row ${name} (${uuid}):\n`;

const valueText = (table: TableSchema | undefined, name: string, value: Json): string => {
  const type = table?.columns.get(name)?.type;
  if (type === undefined) return formatJson(value, true);
  try {
    return printDatum(parseDatum(type, value, { anySize: true }), type);
  } catch (error) {
    if (!(error instanceof OvsdbError)) throw error;
    return formatJson(value, true);
  }
};

const dateText = (date: number): string => {
  const milliseconds = date < firstMilliseconds ? date * 1000 : date;
  return new Date(milliseconds).toISOString().slice(0, 23).replace('T', ' ');
};
