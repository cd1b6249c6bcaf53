import { Datum, defaultDatum } from '../schema/datum.ts';
import { parseDatum } from '../schema/datum-parser.ts';
import type { JsonObject } from '../schema/json.ts';
import { type Column, uuidColumn } from '../schema/schema.ts';

const anySize = { anySize: true };

/** What has been read of a row. Of thousands of rows few columns are ever looked at: each is parsed when it is. */
export class KnownRow {
  readonly #uuid: string;
  /** What was asked for. */
  readonly #columns: ReadonlySet<Column>;
  /** The answer: columns that it lacks have their default value. */
  readonly #json: JsonObject;
  /** What was known before. */
  readonly #earlier: KnownRow | undefined;
  /** Large sets and maps, which are not parsed again. */
  #large: Map<Column, Datum> | undefined;

  constructor(uuid: string, columns: ReadonlySet<Column>, json: JsonObject, earlier?: KnownRow) {
    this.#uuid = uuid;
    this.#columns = columns;
    this.#json = json;
    this.#earlier = earlier;
  }

  has(column: Column): boolean {
    return column === uuidColumn || this.#columns.has(column) || this.#earlier?.has(column) === true;
  }

  /** The value of a column; undefined if it has not been read. */
  get(column: Column): Datum | undefined {
    if (column === uuidColumn) return Datum.of(this.#uuid);
    if (!this.#columns.has(column)) return this.#earlier?.get(column);
    const json = this.#json[column.name];
    if (json === undefined) return defaultDatum(column.type);
    const known = this.#large?.get(column);
    if (known !== undefined) return known;
    const datum = parseDatum(column.type, json, anySize);
    if (datum.size > 1) {
      this.#large ??= new Map();
      this.#large.set(column, datum);
    }
    return datum;
  }
}
