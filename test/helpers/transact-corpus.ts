import { formatJson, isArray, isObject, type Json, type JsonObject, member, type OutJson } from '../../schema/json.ts';
import type { Case, Step } from './case-file.ts';
import { UuidNames } from './normalize-uuid.ts';

/** What a case is run against: a server, or a part of one. */
export interface Subject {
  /** The answer to a `transact`: the results, or {"error": …} when the whole request was refused. */
  transact(operations: readonly Json[]): Promise<Json> | Json;
}

/** Runs a case; returns its answers, normalized, in the order of its steps. */
export const runTransactCase = async (subject: Subject, { steps }: Case): Promise<Json[]> => {
  const names = new UuidNames(steps.map(({ ask }) => formatJson(ask)).join());
  const answers: Json[] = [];
  for (const step of steps) {
    const operations = operationsOf(step);
    const answer = await subject.transact(operations.map((operation) => names.restore(operation)));
    answers.push(names.normalize(markSorted(answer, operations)));
  }
  return answers;
};

const operationsOf = ({ ask }: Step): readonly Json[] => {
  const operations = member(ask, 'transact');
  if (!isArray(operations)) throw new Error('a step must have "transact"');
  return operations;
};

/** Marks rows that come in an order, and puts in order what the server may tell in any. */
const markSorted = (answer: Json, operations: readonly Json[]): Json => {
  if (!isArray(answer)) return answer;
  return answer.map((result, i) => {
    if (!isObject(result)) return result;
    const operation = operations[i];
    const rows = member(result, 'rows');
    const details = member(result, 'details');
    if (typeof details === 'string') return { ...result, details: orderDuplicates(details) };
    if (rows === undefined || !isObject(operation)) return result;
    return member(operation, 'sort') === undefined ? { rows } : { 'rows in order': rows };
  });
};

/** Which of the two rows with one key an index's error names first depends on hashes. */
const orderDuplicates = (details: string): string => {
  const pattern = /First row, with UUID (\S+), (.*)\. {2}Second row, with UUID (\S+), (.*)\.$/;
  return details.replace(pattern, (...[, a, aWhen, b, bWhen]) => {
    const [x, y] = [`${aWhen}: ${a}`, `${bWhen}: ${b}`].sort();
    return `One row ${x}.  Other row ${y}.`;
  });
};

/** The transaction that empties a database. */
export const deleteAll = (schema: JsonObject): JsonObject[] =>
  Object.keys(objectOf(member(schema, 'tables'))).map((table) => ({ op: 'delete', table, where: [] }));

const objectOf = (json: Json | undefined): JsonObject => (isObject(json) ? json : {});

/** The params of `transact`. */
export const transactParams = (database: string, operations: readonly Json[]): OutJson => [database, ...operations];
