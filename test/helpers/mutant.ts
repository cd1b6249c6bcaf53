import { isArray, isObject, type Json } from '../../schema/json.ts';
import type { Random } from './random.ts';

const oddities: readonly Json[] = [
  null,
  true,
  0,
  -1,
  2 ** 53,
  9223372036854775807n,
  0.1,
  1e308,
  '',
  'x',
  '__proto__',
  '\u{1f600}',
  'x'.repeat(300),
  [],
  {},
  ['set', []],
  ['map', []],
  ['uuid', '00000000-0000-0000-0000-000000000000'],
  ['named-uuid', 'row'],
  [['set', [1, 2]]],
];

/** JSON with a few of its parts exchanged for others, taken from it or from a list of odd ones; or left out, or doubled. */
export const mutateJson = (random: Random, json: Json, rate = 0.04): Json => {
  const donors = [...oddities, ...parts(json)];
  const visit = (part: Json): Json => {
    if (random.chance(rate)) return random.pick(donors);
    if (isArray(part)) {
      return part.flatMap((each) => {
        if (random.chance(rate / 4)) return random.chance(0.5) ? [] : [visit(each), visit(each)];
        return [visit(each)];
      });
    }
    if (!isObject(part)) return part;
    const members = Object.entries(part).filter(() => !random.chance(rate / 4));
    return Object.fromEntries(members.map(([name, value]): [string, Json] => [name, visit(value)]));
  };
  return visit(json);
};

const parts = (json: Json): Json[] => {
  const inner = isArray(json) ? json : isObject(json) ? Object.values(json) : [];
  return [json, ...inner.flatMap(parts)];
};

/** Bytes with a few of them changed, left out, doubled or moved. */
export const mutateBytes = (random: Random, bytes: Buffer): Buffer => {
  const mutant = [...bytes];
  for (let edits = 1 + random.below(4); edits > 0 && mutant.length > 0; edits--) {
    const at = random.below(mutant.length);
    const length = 1 + random.below(8);
    const part = mutant.slice(at, at + length);
    const kind = random.below(4);
    if (kind === 0) mutant[at] = random.below(256);
    else if (kind === 1) mutant.splice(at, length);
    else if (kind === 2) mutant.splice(at, 0, ...part);
    else mutant.splice(random.below(mutant.length), 0, ...mutant.splice(at, length));
  }
  return Buffer.from(mutant);
};

/** The bytes in pieces of random length, none empty. */
export const split = (random: Random, bytes: Buffer, longest: number): Buffer[] => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + random.below(longest);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
};
