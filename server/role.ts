import { logFor } from '../rpc/log.ts';
import { OvsdbError } from '../schema/error.ts';
import type { Row } from '../schema/row.ts';
import type { Column, TableSchema } from '../schema/schema.ts';
import { scalarOf } from './database-column.ts';
import type { Tables } from './references.ts';
import type { Table } from './table.ts';

const log = logFor('ovsdb_rbac');

/** What an operation is about to do; the words of its refusal. */
const refusals = {
  insert: (table: string) => `row insertion into table "${table}".`,
  update: (table: string) => `modification of table "${table}".`,
  mutate: (table: string) => `mutate operation on table "${table}".`,
  delete: (table: string) => `row deletion from table "${table}".`,
} as const;
export type Action = keyof typeof refusals;

export interface Deed {
  readonly action: Action;
  readonly table: Table;
  /** The rows it is done to. */
  readonly rows: readonly Row[];
  /** The columns it changes; what is inserted or deleted as a whole needs none. */
  readonly columns: Iterable<Column>;
}

/**
 * What a client may do whose remote gives it a role (ovsdb-server(7), "Role-based access control"): what a row of
 * RBAC_Permission for the role and the table allows. Databases without a table RBAC_Role allow everything.
 */
export class Role {
  readonly #name: string;
  readonly #clientId: string | undefined;

  /** @param clientId the name in the client's certificate */
  constructor(name: string, clientId: string | undefined) {
    this.#name = name;
    this.#clientId = clientId;
  }

  /** @throws OvsdbError permission error */
  check(tables: Tables, deed: Deed): void {
    const roles = tables.get('RBAC_Role');
    if (roles === undefined || this.#allows(tables, roles, deed)) return;
    throw this.refuse(refusals[deed.action](deed.table.schema.name));
  }

  /** The error for something that the role may not do. */
  refuse(what: string): OvsdbError {
    const client = `client "${this.#clientId ?? '(null)'}" role "${this.#name}"`;
    return new OvsdbError('permission error', `RBAC rules for ${client} prohibit ${what}`);
  }

  #allows(tables: Tables, roles: Table, { action, table, rows, columns }: Deed): boolean {
    const id = this.#clientId;
    if (id === undefined) return false;
    const permission = this.#permission(tables, roles, table.schema.name);
    if (permission === undefined) return false;
    const asWhole = action === 'insert' || action === 'delete';
    if (asWhole && scalarOf(permission, 'insert_delete') !== true) return false;
    if (!asWhole && !mayChange(permission, columns)) return false;
    const authorization = stringsIn(permission, 'authorization');
    return rows.every((row) => isAuthorized(row, authorization, id));
  }

  /** The row of RBAC_Permission that the role has for a table. */
  #permission(tables: Tables, roles: Table, table: string): Row | undefined {
    const role = [...roles.rows()].find((row) => scalarOf(row, 'name') === this.#name);
    if (role === undefined) {
      log.info(`rbac: role "${this.#name}" not found in rbac roles table`);
      return undefined;
    }
    const column = role.table.columns.get('permissions');
    const uuid = column && role.get(column).get(table);
    const permissions = tables.get(column?.type.value?.refTable ?? '');
    return uuid === undefined ? undefined : permissions?.get(String(uuid));
  }
}

const stringsIn = (row: Row, name: string): string[] => {
  const column = row.table.columns.get(name);
  return column === undefined ? [] : [...row.get(column).keys()].map(String);
};

/** `update` names columns; a key of a map ("external_ids:x") stands for the whole column. */
const mayChange = (permission: Row, columns: Iterable<Column>): boolean => {
  const allowed = new Set(stringsIn(permission, 'update').map((name) => name.split(':', 1)[0]));
  return [...columns].every(({ name }) => allowed.has(name));
};

/** Whether one of the columns, or keys of maps ("external_ids:x"), holds the client's name. '' allows any client. */
const isAuthorized = (row: Row, authorization: readonly string[], id: string): boolean =>
  authorization.some((name) => name === '' || ownerIn(row, row.table, name) === id);

const ownerIn = (row: Row, table: TableSchema, name: string) => {
  const [columnName = '', key] = name.split(':');
  if (key === undefined) return scalarOf(row, columnName);
  const column = table.columns.get(columnName);
  return column && row.get(column).get(key);
};
