import { readFileSync } from 'node:fs';
import { OvsdbError } from '../schema/error.ts';
import type { Json } from '../schema/json.ts';
import { formatJson } from '../schema/json.ts';
import { readJson } from '../schema/json-check.ts';
import { type DatabaseSchema, parseSchema, schemaToJson } from '../schema/schema.ts';
import { systemMessage } from './system-error.ts';

/** A file that a person named as a schema cannot be read as one; the message is Open vSwitch's. */
export class SchemaFileError extends Error {}

/** @throws SchemaFileError */
export const readSchemaFile = (path: string): DatabaseSchema => {
  const json = readJsonFile(path);
  try {
    return parseSchema(json);
  } catch (error) {
    if (!(error instanceof OvsdbError)) throw error;
    const syntax = error.syntax === undefined ? '' : `syntax "${error.syntax}": `;
    const details = `failed to parse "${path}" as ovsdb schema: ${error.details}`;
    throw new SchemaFileError(`${syntax}${error.tag}: ${details}`, { cause: error });
  }
};

const readJsonFile = (path: string): Json => {
  let problem: string;
  try {
    return readJson(readFileSync(path, 'utf8'));
  } catch (error) {
    problem = readProblem(path, error);
  }
  throw new SchemaFileError(`failed to read schema: "${path}" could not be read as JSON (${problem})`);
};

const readProblem = (path: string, error: unknown): string => {
  if (error instanceof SyntaxError) return error.message;
  const reason = systemMessage(error);
  // A folder can be opened, and then not be read.
  return reason === 'Is a directory' ? `error reading JSON stream: ${reason}` : `error opening "${path}": ${reason}`;
};

/** Whether two schemas say the same, names, versions and checksums included. */
export const sameSchema = (a: DatabaseSchema, b: DatabaseSchema): boolean =>
  formatJson(schemaToJson(a), true) === formatJson(schemaToJson(b), true);
