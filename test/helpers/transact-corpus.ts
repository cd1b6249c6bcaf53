import { formatJson, isArray, isObject, type Json, type JsonObject, member, type OutJson } from '../../schema/json.ts';
import type { Case, Step } from './case-file.ts';
import { UuidNames } from './normalize-uuid.ts';

/** What a case is run against: a server, or a part of one. */
export interface Subject {
  /** The answer to a `transact`: the results, or {"error": …} when the whole request was refused. */
  transact(operations: readonly Json[]): Promise<Json> | Json;
}

/** A subject whose rows can all be deleted, so that the next case starts from nothing. */
export interface Clearable {
  clear(): Promise<void> | void;
}

/** Runs cases one after the other; returns their answers by name. */
export const runTransactFile = async (
  subject: Subject & Clearable,
  cases: readonly Case[],
): Promise<Map<string, readonly Json[]>> => {
  const answers = new Map<string, readonly Json[]>();
  for (const each of cases) {
    answers.set(each.name, await runTransactCase(subject, each));
    await subject.clear();
  }
  return answers;
};

/** Runs a case; returns its answers, normalized, in the order of its steps. */
export const runTransactCase = async (subject: Subject, { steps }: Case): Promise<Json[]> => {
  const names = new UuidNames(steps.map(({ ask }) => formatJson(ask)).join());
  const answers: Json[] = [];
  for (const step of steps) {
    const operations = operationsOf(step);
    const answer = await subject.transact(operations.map((operation) => names.restore(operation)));
    answers.push(tidyDetails(names.normalize(markSorted(answer, operations))));
  }
  return answers;
};

const operationsOf = ({ ask }: Step): readonly Json[] => {
  const operations = member(ask, 'transact');
  if (!isArray(operations)) throw new Error('a step must have "transact"');
  return operations;
};

/** Rows come in no order, unless the operation asks for one: then they are called otherwise. */
const markSorted = (answer: Json, operations: readonly Json[]): Json => {
  if (!isArray(answer)) return answer;
  return answer.map((result, i) => {
    if (!isObject(result)) return result;
    const operation = operations[i];
    const rows = member(result, 'rows');
    if (rows === undefined || !isObject(operation)) return result;
    return member(operation, 'sort') === undefined ? { rows } : { 'rows in order': rows };
  });
};

/** Settles what an error's words may say in two ways. */
const tidyDetails = (answer: Json): Json => {
  if (!isArray(answer)) return answer;
  return answer.map((result) => {
    const details = isObject(result) ? member(result, 'details') : undefined;
    if (!isObject(result) || typeof details !== 'string') return result;
    return { ...result, details: orderDuplicates(details).replace(/(timed out after) \d+ ms/, '$1 some ms') };
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
