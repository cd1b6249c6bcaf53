import type { Datum } from '../schema/datum.ts';
import { parseDatum } from '../schema/datum-parser.ts';
import type { Json } from '../schema/json.ts';
import type { BaseType, ColumnType } from '../schema/type.ts';

const withoutLimits = ({ type }: BaseType): BaseType => ({ type });

/**
 * Reads a value that need not keep the column's limits: part of one, or one of a server whose rules are others.
 * @throws OvsdbError syntax error
 */
export const parseLenient = ({ key, value }: ColumnType, json: Json): Datum =>
  parseDatum({ key: withoutLimits(key), ...(value && { value: withoutLimits(value) }), min: 0, max: Infinity }, json);
