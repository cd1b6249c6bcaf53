import { OvsdbError, syntaxError } from './error.ts';
import { formatJson, isArray, type Json, type JsonObject, JsonText, member } from './json.ts';
import { ObjectParser } from './parser.ts';
import { type BaseType, type ColumnType, maxUint32, parseType, typeToJson } from './type.ts';
import { isId } from './uuid.ts';

/** `<column-schema>` of RFC 7047 section 3.2. */
export interface Column {
  readonly name: string;
  /** Its place in a row's data; negative for `_uuid` and `_version`, which are not among them. */
  readonly index: number;
  readonly type: ColumnType;
  readonly mutable: boolean;
  /** Not kept over a restart of the server. */
  readonly ephemeral: boolean;
}

/** What a table's schema says; its columns are read when they are first asked for. */
interface TableParts {
  readonly maxRows?: number;
  readonly isRoot: boolean;
  readonly readColumns: () => ReadonlyMap<string, Column>;
  readonly readIndexes: (table: TableSchema) => readonly (readonly Column[])[];
}

/** `<table-schema>`. Its columns include `_uuid` and `_version`; its own columns do not. */
export class TableSchema {
  readonly name: string;
  readonly maxRows: number;
  readonly isRoot: boolean;
  readonly #parts: TableParts;
  #columns: ReadonlyMap<string, Column> | undefined;
  #ownColumns: readonly Column[] | undefined;
  #indexes: readonly (readonly Column[])[] | undefined;

  constructor(name: string, parts: TableParts) {
    this.name = name;
    this.maxRows = parts.maxRows ?? Infinity;
    this.isRoot = parts.isRoot;
    this.#parts = parts;
  }

  get columns(): ReadonlyMap<string, Column> {
    this.#columns ??= this.#parts.readColumns();
    return this.#columns;
  }

  get ownColumns(): readonly Column[] {
    this.#ownColumns ??= [...this.columns.values()].filter(({ index }) => index >= 0);
    return this.#ownColumns;
  }

  get indexes(): readonly (readonly Column[])[] {
    this.#indexes ??= this.#parts.readIndexes(this);
    return this.#indexes;
  }

  /** @throws OvsdbError unknown column */
  column(name: string, at?: Json): Column {
    const column = this.columns.get(name);
    if (column === undefined) {
      throw new OvsdbError('unknown column', `No column ${name} in table ${this.name}.`, at);
    }
    return column;
  }
}

/** `<database-schema>`. */
export interface DatabaseSchema {
  readonly name: string;
  readonly version: string;
  readonly cksum: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
}

const uuidType: ColumnType = { key: { type: 'uuid' }, min: 1, max: 1 };

/** `_uuid` and `_version`, which every table has (RFC 7047 section 3.2). */
export const uuidColumn: Column = { name: '_uuid', index: -1, type: uuidType, mutable: false, ephemeral: false };
export const versionColumn: Column = { name: '_version', index: -2, type: uuidType, mutable: false, ephemeral: false };

/**
 * Reads a `<database-schema>` (RFC 7047 section 3.2).
 * @throws OvsdbError syntax error
 */
export const parseSchema = (json: Json): DatabaseSchema => {
  const schema = parseTrustedSchema(json, (table) => void [table.columns, table.indexes]);
  checkReferences(schema);
  return schema;
};

/**
 * As parseSchema, but of tables that nobody asks for the columns of, those are not read: that is most of the time.
 * @param check called with each table as soon as it is there
 * @throws OvsdbError syntax error; where the columns are wrong, when they are first asked for
 */
export const parseTrustedSchema = (json: Json, check: (table: TableSchema) => void = () => {}): DatabaseSchema => {
  const parser = new ObjectParser(json, 'database schema');
  const name = parser.required('name', 'id');
  const version = parser.optional('version', 'string');
  const cksum = parser.optional('cksum', 'string') ?? '';
  const tables = parser.required('tables', 'object');
  parser.finish();
  if (version !== undefined && !/^\d+\.\d+\.\d+$/.test(version)) {
    throw syntaxError(`schema version "${version}" not in format x.y.z`, json);
  }
  const roots = rootTables(tables);
  const parsed = new Map(
    Object.entries(tables).map(([each, table]) => {
      checkName(each, json);
      const tableSchema = parseTable(each, table, roots);
      check(tableSchema);
      return [each, tableSchema];
    }),
  );
  return { name, version: version ?? '', cksum, tables: parsed };
};

/** The names of the tables of the root set: of all where no table says that it is one. */
const rootTables = (tables: JsonObject): ReadonlySet<string> => {
  const all = Object.keys(tables);
  const roots = all.filter((name) => isRootTable(tables[name] ?? null));
  return new Set(roots.length > 0 ? roots : all);
};

const isRootTable = (json: Json): boolean =>
  typeof json === 'object' && json !== null && !isArray(json) && member(json, 'isRoot') === true;

/** @param json what the name stands in */
const checkName = (name: string, json: Json): void => {
  if (!isId(name)) throw syntaxError(`name must be a valid id`, json);
  if (name.startsWith('_')) throw syntaxError(`names beginning with "_" are reserved`, json);
};

const parseTable = (name: string, json: Json, roots: ReadonlySet<string>): TableSchema => {
  const parser = new ObjectParser(json, `table schema for table ${name}`);
  const columnsJson = parser.required('columns', 'object');
  const maxRows = parser.optional('maxRows', 'integer');
  parser.optional('isRoot', 'boolean');
  const indexes = parser.optional('indexes', 'array') ?? [];
  parser.finish();
  if (maxRows !== undefined && maxRows <= 0) throw syntaxError('maxRows must be at least 1', json);
  if (Object.keys(columnsJson).length === 0) throw syntaxError('table must have at least one column', json);
  for (const each of Object.keys(columnsJson)) checkName(each, json);
  return new TableSchema(name, {
    ...(maxRows !== undefined && maxRows < maxUint32 && { maxRows: Number(maxRows) }),
    isRoot: roots.has(name),
    readColumns: () => parseColumns(columnsJson, roots),
    readIndexes: (table) => indexes.map((index) => parseIndex(table, index, json)),
  });
};

const parseColumns = (json: JsonObject, roots: ReadonlySet<string>): Map<string, Column> => {
  const columns = new Map([
    ['_uuid', uuidColumn],
    ['_version', versionColumn],
  ]);
  for (const [index, [name, column]] of Object.entries(json).entries()) {
    columns.set(name, parseColumn(name, index, column, roots));
  }
  return columns;
};

const parseColumn = (name: string, index: number, json: Json, roots: ReadonlySet<string>): Column => {
  const parser = new ObjectParser(json, `schema for column ${name}`);
  const mutable = parser.optional('mutable', 'boolean') ?? true;
  const ephemeral = parser.optional('ephemeral', 'boolean') ?? false;
  const type = parseType(parser.required('type', 'string', 'object'));
  parser.finish();
  return {
    name,
    index,
    type,
    // A weak reference vanishes with the row that it names, whatever the schema says.
    mutable: mutable || refersWeakly(type),
    // What keeps a row in the database is stored, or that row would have no reason to be there afterwards.
    ephemeral: ephemeral && !keepsRows(type.key, roots) && !keepsRows(type.value, roots),
  };
};

const keepsRows = (base: BaseType | undefined, roots: ReadonlySet<string>): boolean =>
  base?.refTable !== undefined && base.refType !== 'weak' && !roots.has(base.refTable);

const refersWeakly = ({ key, value }: ColumnType): boolean => key.refType === 'weak' || value?.refType === 'weak';

const parseIndex = (table: TableSchema, json: Json, tableJson: Json): Column[] => {
  const columns = parseColumnSet(table, json);
  if (columns.length === 0) throw syntaxError('index must have at least one column', tableJson);
  for (const { name, ephemeral } of columns) {
    if (ephemeral) throw syntaxError(`ephemeral columns (such as ${name}) may not be indexed`, tableJson);
  }
  return columns;
};

/**
 * An array of distinct names of columns; all of the table's when there is none.
 * @throws OvsdbError syntax error
 */
export const parseColumnSet = (table: TableSchema, json: Json | undefined): Column[] => {
  if (json === undefined) return [...table.columns.values()];
  if (!isArray(json)) throw syntaxError('array of distinct column names expected', json);
  const columns = json.map((name) => {
    if (typeof name !== 'string') throw syntaxError('array of distinct column names expected', json);
    const column = table.columns.get(name);
    if (column === undefined) throw syntaxError(`${name} is not a valid column name`, json);
    return column;
  });
  if (new Set(columns).size < columns.length) throw syntaxError('array of distinct column names expected', json);
  return columns;
};

const checkReferences = (schema: DatabaseSchema): void => {
  for (const table of schema.tables.values()) {
    for (const { name, type } of table.columns.values()) {
      for (const [role, base] of [['key', type.key] as const, ['value', type.value] as const]) {
        if (base?.refTable !== undefined && !schema.tables.has(base.refTable)) {
          throw syntaxError(`column ${name} ${role} refers to undefined table ${base.refTable}`);
        }
      }
    }
  }
};

/** Whether two schemas say the same. */
export const isSameSchema = (one: DatabaseSchema, other: DatabaseSchema): boolean =>
  formatJson(schemaToJson(one), true) === formatJson(schemaToJson(other), true);

/** The schema as `get_schema` sends it. Where all tables are of the root set, none is said to be (RFC 7047 section 3.2). */
export const schemaToJson = ({ name, version, cksum, tables }: DatabaseSchema): JsonObject => {
  const allRoot = [...tables.values()].every(({ isRoot }) => isRoot);
  return {
    ...(cksum !== '' && { cksum }),
    name,
    tables: Object.fromEntries([...tables.values()].map((table) => [table.name, tableToJson(table, allRoot)])),
    ...(version !== '' && { version }),
  };
};

const schemaTexts = new WeakMap<DatabaseSchema, JsonText>();

/** The text of `schemaToJson`, made once: every client asks for it. */
export const schemaText = (schema: DatabaseSchema): JsonText => {
  const known = schemaTexts.get(schema);
  if (known !== undefined) return known;
  const text = new JsonText(formatJson(schemaToJson(schema)));
  schemaTexts.set(schema, text);
  return text;
};

const tableToJson = (table: TableSchema, allRoot: boolean): JsonObject => ({
  columns: Object.fromEntries(table.ownColumns.map((column) => [column.name, columnToJson(column)])),
  ...(table.indexes.length > 0 && { indexes: table.indexes.map((index) => index.map(({ name }) => name)) }),
  ...(table.isRoot && !allRoot && { isRoot: true }),
  ...(table.maxRows !== Infinity && { maxRows: table.maxRows }),
});

const columnToJson = ({ type, mutable, ephemeral }: Column): JsonObject => ({
  ...(ephemeral && { ephemeral }),
  ...(!mutable && { mutable }),
  type: typeToJson(type),
});
