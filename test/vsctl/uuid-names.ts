import { compareStrings } from '../../schema/atom.ts';
import { formatJson, isArray, isObject, type Json, type JsonObject } from '../../schema/json.ts';

const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

const rowsOf = (result: Json): readonly JsonObject[] => {
  const rows = isObject(result) ? result.rows : undefined;
  return isArray(rows) ? rows.filter(isObject) : [];
};

const uuidOf = ({ _uuid }: JsonObject): string => (isArray(_uuid) ? String(_uuid[1]) : '');

/** What a row can be told by: its name if it has one, else all it holds but uuids. */
const contentOf = (row: JsonObject): string =>
  typeof row.name === 'string' ? row.name : formatJson(row, true).replace(uuidPattern, '');

/**
 * Gives the rows of a dump names in place of uuids that differ from run to run.
 * @param literal uuids that stand in this text stay as they are
 * @returns a function that puts the names into what it is given, and sets of uuids and rows in order
 */
export const nameUuids = (dump: JsonObject, literal: string): ((json: Json) => Json) => {
  const names = new Map<string, string>();
  for (const [table, result] of Object.entries(dump)) {
    const fresh = rowsOf(result).filter((row) => !literal.includes(uuidOf(row)));
    const sorted = fresh.toSorted((a, b) => compareStrings(contentOf(a), contentOf(b)));
    for (const [i, row] of sorted.entries()) names.set(uuidOf(row), `<${table} ${i}>`);
  }
  const rename = (text: string) =>
    text.replace(uuidPattern, (uuid) => names.get(uuid) ?? (literal.includes(uuid) ? uuid : '<gone>'));
  return (json) => normalize(json, rename);
};

const normalize = (json: Json, rename: (text: string) => string): Json => {
  if (typeof json === 'string') return rename(json);
  if (isArray(json)) {
    const elements = json.map((each) => normalize(each, rename));
    return elements.every((each) => isArray(each) || isObject(each)) ? inOrder(elements) : elements;
  }
  if (!isObject(json)) return json;
  const members = Object.entries(json).filter(([name]) => name !== '_version');
  return Object.fromEntries(members.map(([name, value]) => [name, normalize(value, rename)]));
};

/** Rows, and members of sets and maps of uuids, in the order of their text. Steps of a run have a text of their own. */
const inOrder = (elements: readonly Json[]): Json[] => {
  if (elements.some((each) => isObject(each) && 'exit' in each)) return [...elements];
  return elements.toSorted((a, b) => compareStrings(formatJson(a, true), formatJson(b, true)));
};
