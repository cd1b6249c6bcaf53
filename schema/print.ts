import type { Atom } from './atom.ts';
import type { Datum } from './datum.ts';
import { formatReal } from './json.ts';
import { type BaseType, type ColumnType, isBareWord } from './type.ts';
import { isUuid } from './uuid.ts';

const printBareAtom = (atom: Atom, { type }: BaseType): string =>
  type === 'real' ? formatReal(Number(atom)) : atom.toString();

/** An atom as Open vSwitch's programs print it: a string in quotes unless it is a plain word. */
export const printAtom = (atom: Atom, base: BaseType): string => {
  if (base.type !== 'string') return printBareAtom(atom, base);
  const text = String(atom);
  return isBareWord(text) && !isUuid(text) ? text : JSON.stringify(text);
};

const members = (datum: Datum, { key, value }: ColumnType, print: (atom: Atom, base: BaseType) => string): string[] => {
  const texts: string[] = [];
  for (const [atom, mapped] of datum.elements()) {
    const pair = value !== undefined && mapped !== undefined;
    texts.push(pair ? `${print(atom, key)}=${print(mapped, value)}` : print(atom, key));
  }
  return texts;
};

/** A column's value as ovs-vsctl(8), "Database Values", writes it: `[1, 2]`, `{a=b}`, or an atom alone. */
export const printDatum = (datum: Datum, type: ColumnType): string => {
  if (type.max === 1 && datum.first !== undefined && type.value === undefined) return printAtom(datum.first, type.key);
  const text = members(datum, type, printAtom).join(', ');
  if (type.max === 1 && datum.size > 0) return text;
  return type.value === undefined ? `[${text}]` : `{${text}}`;
};

/** A column's value without punctuation (`--data=bare`). */
export const printBareDatum = (datum: Datum, type: ColumnType): string => members(datum, type, printBareAtom).join(' ');
