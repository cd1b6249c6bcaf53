import { Client } from '../../rpc/client.ts';
import { isArray, isObject, type Json, type JsonObject, type OutJsonObject } from '../../schema/json.ts';

const name = 'Open_vSwitch';

/** A database that test cases run on: what it held at first can be put back. */
export class TestDatabase {
  readonly #client: Client;
  readonly #tables: readonly string[];
  #seed: readonly OutJsonObject[] = [];

  private constructor(client: Client, tables: readonly string[]) {
    this.#client = client;
    this.#tables = tables;
  }

  static async connect(target: string): Promise<TestDatabase> {
    const client = await Client.connect(target);
    const schema = await client.getSchema(name);
    return new TestDatabase(client, [...schema.tables.keys()]);
  }

  /** Makes these operations' rows all that there is. */
  async seed(operations: readonly OutJsonObject[]): Promise<void> {
    this.#seed = operations;
    await this.reset();
  }

  async reset(): Promise<void> {
    await this.transact(this.#tables.map((table) => ({ op: 'delete', table, where: [] })));
    if (this.#seed.length > 0) await this.transact(this.#seed);
  }

  transact(operations: readonly OutJsonObject[]): Promise<JsonObject[]> {
    return this.#client.transact(name, operations);
  }

  /** Every row of every table that has any. */
  async dump(): Promise<JsonObject> {
    const results = await this.transact(this.#tables.map((table) => ({ op: 'select', table, where: [] })));
    const entries = results.map((result, i): [string, Json] => [this.#tables[i] ?? '', result]);
    return Object.fromEntries(entries.filter(([, result]) => rowsOf(result).length > 0));
  }

  /** The operations that would make what it holds. */
  async toOperations(): Promise<OutJsonObject[]> {
    const operations: OutJsonObject[] = [];
    for (const [table, result] of Object.entries(await this.dump())) {
      for (const each of rowsOf(result)) {
        if (!isObject(each)) continue;
        const { _uuid, _version, ...row } = each;
        operations.push({ op: 'insert', table, uuid: isArray(_uuid) ? _uuid[1] : undefined, row });
      }
    }
    return operations;
  }

  close(): void {
    this.#client.close();
  }
}

const rowsOf = (result: Json): readonly Json[] => {
  const rows = isObject(result) ? result.rows : undefined;
  return isArray(rows) ? rows : [];
};
