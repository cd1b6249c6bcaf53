import { formatJson, isArray, isObject, type Json, type JsonObject, type OutJsonObject } from '../../schema/json.ts';
import type { Case } from './corpus.ts';
import type { TestDatabase } from './database.ts';
import type { Result, Subject } from './subject.ts';
import { nameUuids } from './uuid-names.ts';

/** A way to run ovs-vsctl with a database for it to run on. */
export interface Setting {
  readonly subject: Subject;
  readonly target: string;
  readonly database: TestDatabase;
}

/** Columns that Open vSwitch 3.7's schema has and 3.1's, which the C program knows, has not. */
const newColumns = /^(filter|stats_interval|template_interval|limit|ct_zone_default_limit|local_group_id) *: .*\n/gm;

const normalizeText = (text: string, unordered: boolean): string => {
  const plain = text.replace(newColumns, '').replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/gm, '<time>');
  return unordered ? plain.split('\n').sort().join('\n') : plain;
};

const runStep = ({ subject, target }: Setting, words: readonly string[]): Promise<Result> => {
  const own = words.some((word) => word.startsWith('--db')) ? [] : [`--db=${target}`];
  return subject([...own, '--no-wait', ...words]);
};

/**
 * What a case leaves: what each step printed, how it ended, and the database. Each value on a line, in which the server's
 * UUIDs have names, and the path of its socket is SERVER.
 */
export const outcome = async (
  setting: Setting,
  { steps, unordered }: Case,
  seed: readonly OutJsonObject[],
): Promise<string> => {
  const results: JsonObject[] = [];
  for (const words of steps) {
    const { stdout, stderr, exit } = await runStep(setting, words);
    const [out, err] = [stdout, stderr].map((text) =>
      normalizeText(text, unordered).replaceAll(setting.target, 'SERVER'),
    );
    results.push({ out: out ?? '', err: err ?? '', exit });
  }
  const database = await setting.database.dump();
  await setting.database.reset();
  const normal = nameUuids(database, formatJson(seed));
  return formatLines(normal({ results, database })).join('\n');
};

/** One line for each leaf of a value: the path to it, and what is there. Sets and maps are leaves. */
const formatLines = (json: Json, path = ''): string[] => {
  if (isArray(json) && typeof json[0] !== 'string') return json.flatMap((each, i) => formatLines(each, `${path}/${i}`));
  if (!isObject(json)) return [`${path}: ${formatJson(json)}`];
  return Object.entries(json).flatMap(([name, value]) => formatLines(value, `${path}/${name}`));
};

/** The lines that only one of two outcomes has. */
export const lineDifference = (actual: string, expected: string): string => {
  const [ours, theirs] = [actual, expected].map((text) => text.split('\n'));
  const only = (lines: readonly string[] = [], others: readonly string[] = [], sign: string) =>
    lines.filter((line) => !others.includes(line)).map((line) => `${sign} ${line}`);
  return [...only(ours, theirs, '-'), ...only(theirs, ours, '+')].join('\n');
};
