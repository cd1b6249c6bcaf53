import { Failure } from './failure.ts';

type Version = readonly number[];

/** @throws Failure */
const parseVersion = (text: string): Version => {
  const match = /^(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (match === null) throw new Failure(`${text}: not an OVSDB version number in format x.y.z`);
  return match.slice(1).map(Number);
};

const compare = (a: Version, b: Version): number => {
  const at = a.findIndex((part, i) => part !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
};

const relations: ReadonlyMap<string, (order: number) => boolean> = new Map([
  ['<', (order) => order < 0],
  ['<=', (order) => order <= 0],
  ['==', (order) => order === 0],
  ['>=', (order) => order >= 0],
  ['>', (order) => order > 0],
  ['!=', (order) => order !== 0],
]);

/**
 * Whether two schema versions stand in that relation.
 * @throws Failure
 */
export const compareVersions = (a: string, operator: string, b: string): boolean => {
  const [first, second] = [parseVersion(a), parseVersion(b)];
  const relation = relations.get(operator);
  if (relation === undefined) throw new Failure(`${operator}: not a relational operator`);
  return relation(compare(first, second));
};
