import { readSchemaFile, sameSchema } from '../rpc/schema-file.ts';
import type { Cell } from '../rpc/table.ts';
import { schemaToJson, type TableSchema } from '../schema/schema.ts';
import { typeToJson } from '../schema/type.ts';
import type { Context, Online, Run } from './command.ts';
import { openServer, printJson } from './connection.ts';

export const listDatabases: Run<Online> = async ({ connection, print }) => {
  for (const name of await connection.listDatabases()) print(`${name}\n`);
};

export const getSchema: Run<Online> = async ({ connection, database, settings, print }) => {
  const schema = await connection.getSchema(database);
  print(`${printJson(schemaToJson(schema), settings)}\n`);
};

export const getSchemaVersion: Run<Online> = async ({ connection, database, print }) => {
  print(`${(await connection.getSchema(database)).version}\n`);
};

export const getSchemaChecksum: Run<Online> = async ({ connection, database, print }) => {
  print(`${(await connection.getSchema(database)).cksum}\n`);
};

export const byName = <Named extends { readonly name: string }>(values: Iterable<Named>): Named[] =>
  [...values].sort((a, b) => (a.name < b.name ? -1 : 1));

export const listTables: Run<Online> = async ({ connection, database, printTable }) => {
  const { tables } = await connection.getSchema(database);
  printTable({ headings: ['Table'], rows: byName(tables.values()).map(({ name }) => [name]) });
};

export const listColumns: Run<Online> = async ({ connection, database, printTable }, [only]) => {
  const { tables } = await connection.getSchema(database);
  const rows = byName(tables.values())
    .filter(({ name }) => only === undefined || name === only)
    .flatMap((table) => columnRows(table).map((row) => (only === undefined ? [table.name, ...row] : row)));
  printTable({ headings: [...(only === undefined ? ['Table'] : []), 'Column', 'Type'], rows });
};

const columnRows = ({ columns }: TableSchema): Cell[][] =>
  byName(columns.values()).map(({ name, type }) => [name, { json: typeToJson(type) }]);

/** The schema's file is the last argument; before it there may be a server. */
const withSchema = async ({ settings }: Context, args: readonly string[]) => {
  const schema = readSchemaFile(args.at(-1) ?? '');
  const { connection } = await openServer(args, { needs: 'server', min: 1 }, settings);
  return { schema, connection };
};

export const needsConversion: Run<Context> = async (context, args) => {
  const { schema, connection } = await withSchema(context, args);
  const online = await connection.getSchema(schema.name);
  context.print(sameSchema(schema, online) ? 'no\n' : 'yes\n');
};

export const convert: Run<Context> = async (context, args) => {
  const { schema, connection } = await withSchema(context, args);
  await connection.becomeChangeAware();
  await connection.request('convert', [schema.name, schemaToJson(schema)]);
};
