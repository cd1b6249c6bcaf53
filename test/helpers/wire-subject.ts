import { readFileSync } from 'node:fs';
import type { ExecutionContext } from 'ava';
import { isArray, isObject, type Json, type JsonObject, member, parseJson } from '../../schema/json.ts';
import type { ServerProcess } from './server-process.ts';
import { type Clearable, deleteAll, type Subject, transactParams } from './transact-corpus.ts';
import { Wire } from './wire.ts';

/** A connection that tells all that comes up to a reply. */
type Connection = Pick<Wire, 'request'>;

/** A server behind its socket. */
export class WireSubject implements Subject, Clearable {
  readonly #wire: Connection;
  readonly #database: string;
  readonly #deleteAll: readonly JsonObject[];

  constructor(wire: Connection, schema: JsonObject) {
    this.#wire = wire;
    this.#database = String(member(schema, 'name'));
    this.#deleteAll = deleteAll(schema);
  }

  /** @param schemaFile the schema that the server's database has */
  static async connect(
    t: Pick<ExecutionContext, 'teardown'>,
    server: Pick<ServerProcess, 'socket'>,
    schemaFile: string,
  ) {
    const wire = await Wire.connect(server.socket);
    t.teardown(() => wire.close());
    return WireSubject.over(wire, schemaFile);
  }

  static over(wire: Connection, schemaFile: string): WireSubject {
    const schema = parseJson(readFileSync(schemaFile, 'utf8'));
    if (!isObject(schema)) throw new Error(`${schemaFile} is not an object`);
    return new WireSubject(wire, schema);
  }

  async transact(operations: readonly Json[]): Promise<Json> {
    const reply = (await this.#wire.request('transact', transactParams(this.#database, operations))).at(-1);
    return reply?.kind === 'result' ? reply.result : { error: reply?.kind === 'error' ? reply.error : null };
  }

  /** Deletes every row, so that the next case starts from nothing. */
  async clear(): Promise<void> {
    const results = await this.transact(this.#deleteAll);
    if (isArray(results) && results.every((each) => isObject(each) && member(each, 'error') === undefined)) return;
    throw new Error('the database could not be emptied');
  }
}
