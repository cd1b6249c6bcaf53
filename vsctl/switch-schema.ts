import { readFileSync } from 'node:fs';
import { parseJson } from '../schema/json.ts';
import { type DatabaseSchema, parseTrustedSchema } from '../schema/schema.ts';

export const databaseName = 'Open_vSwitch';

/** The schema of the switch's database: names are looked up in it before there is a connection. */
export const loadSchema = (): DatabaseSchema =>
  parseTrustedSchema(parseJson(readFileSync(new URL('../../schema/vswitch.ovsschema', import.meta.url), 'utf8')));
