import { formatJson, isArray, isObject, type Json } from './json.ts';

/**
 * JSON text for people, laid out as Open vSwitch's `--pretty` does: names sorted, one member to a line, two spaces to a
 * level, and closing brackets behind the last member.
 */
export const prettyJson = (json: Json): string => pretty(json, '');

const pretty = (json: Json, indent: string): string => {
  const inner = `${indent}  `;
  const block = (open: string, members: readonly string[], close: string) =>
    members.length === 0 ? open + close : `${open}\n${members.map((text) => inner + text).join(',\n')}${close}`;
  if (isArray(json)) {
    return block(
      '[',
      json.map((element) => pretty(element, inner)),
      ']',
    );
  }
  if (!isObject(json)) return formatJson(json);
  const names = Object.keys(json).sort();
  return block(
    '{',
    names.map((name) => `${JSON.stringify(name)}: ${pretty(json[name] ?? null, inner)}`),
    '}',
  );
};
