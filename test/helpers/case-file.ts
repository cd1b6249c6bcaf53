import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { formatJson, isArray, isObject, type Json, type JsonObject, member, parseJson } from '../../schema/json.ts';
import { projectFile } from './project.ts';

/** One exchange of a case: what is asked, and what must come back. */
export interface Step {
  readonly ask: JsonObject;
  readonly expected: Json | undefined;
  /** What Open vSwitch 3.1.0 answers, where the project knowingly differs; `why` says why. */
  readonly c310: Json | undefined;
  readonly why: string | undefined;
}

export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** Cases that share a schema: a file of test/cases. */
export interface CaseFile {
  readonly path: string;
  readonly name: string;
  /** The schema's file. */
  readonly schema: string;
  readonly cases: readonly Case[];
}

const string = (json: Json | undefined, what: string): string => {
  if (typeof json !== 'string') throw new Error(`${what} is missing`);
  return json;
};
const array = (json: Json | undefined, what: string): readonly Json[] => {
  if (!isArray(json)) throw new Error(`${what} must be an array`);
  return json;
};
const object = (json: Json | undefined, what: string): JsonObject => {
  if (!isObject(json)) throw new Error(`${what} must be an object`);
  return json;
};

/** Reads all case files of one folder of test/cases. */
export const readCaseFiles = (folder: string): CaseFile[] => {
  const path = projectFile('test/cases', folder);
  return readdirSync(path)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => readCaseFile(join(path, name)));
};

const readCaseFile = (path: string): CaseFile => {
  const json = object(parseJson(readFileSync(path, 'utf8')), path);
  const schema = projectFile('test/cases/schemas', `${string(member(json, 'schema'), `${path}: schema`)}.ovsschema`);
  const cases = array(member(json, 'cases'), path).map((each) => readCase(object(each, path), path));
  return { path, name: basename(path, '.json'), schema, cases };
};

const readCase = (json: JsonObject, path: string): Case => {
  const name = string(member(json, 'name'), `${path}: name`);
  return {
    name,
    steps: array(member(json, 'steps'), `${path}: ${name}: steps`).map((each) => readStep(object(each, name))),
  };
};

const readStep = (json: JsonObject): Step => {
  const { expected, c310, why, ...ask } = json;
  return { ask, expected, c310, why: typeof why === 'string' ? why : undefined };
};

/** Writes a file again, with other steps; the project's formatter gives it its final form. */
export const writeCaseFile = ({ path, schema, cases }: CaseFile): void => {
  const json = {
    schema: basename(schema, '.ovsschema'),
    cases: cases.map(({ name, steps }) => ({
      name,
      steps: steps.map(({ ask, expected, c310, why }) => ({
        ...ask,
        ...(expected !== undefined && { expected }),
        ...(c310 !== undefined && { c310 }),
        ...(why !== undefined && { why }),
      })),
    })),
  };
  writeFileSync(path, `${formatJson(json)}\n`);
};
