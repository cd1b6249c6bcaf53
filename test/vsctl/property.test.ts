import type { Atom } from '../../schema/atom.ts';
import { Datum, type Element } from '../../schema/datum.ts';
import { printDatum } from '../../schema/print.ts';
import type { BaseType, ColumnType } from '../../schema/type.ts';
import { loadSchema } from '../../vsctl/switch-schema.ts';
import { projectFile } from '../helpers/project.ts';
import { Random } from '../helpers/random.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer, startServer } from '../helpers/server-process.ts';
import { cVsctl, vsctl } from './subject.ts';

const letters = [...'abzAZ09_-.:,=[]{} "\'\\/\n\té中😀'];

const randomAtom = (random: Random, base: BaseType): Atom => {
  if (base.enum !== undefined) return random.pick(base.enum);
  if (base.type === 'boolean') return random.chance(0.5);
  if (base.type === 'string') return Array.from({ length: random.below(8) }, () => random.pick(letters)).join('');
  const min = Number(base.min ?? -1000);
  const max = Number(base.max ?? 1000);
  const integer = min + random.below(Math.min(max - min + 1, 2 ** 31));
  return base.type === 'real' ? integer / 8 : integer;
};

const randomValue = (random: Random, type: ColumnType): Datum => {
  const size = type.min + random.below(Math.min(type.max, 5) - type.min + 1);
  const element = (): Element => [randomAtom(random, type.key), type.value && randomAtom(random, type.value)];
  return Datum.fromElements(Array.from({ length: size }, element));
};

/** Columns of Bridge, Port and Interface that any value may be put into. */
const writableColumns = () =>
  ['Bridge', 'Port', 'Interface'].flatMap((name) =>
    (loadSchema().tables.get(name)?.ownColumns ?? [])
      .filter(({ mutable, type }) => mutable && type.key.type !== 'uuid' && type.value?.type !== 'uuid')
      .map((column) => ({ table: name, column })),
  );

testRequiring(cPrograms())('any value that ours or the C program sets is printed alike by both', async (t) => {
  const random = new Random(7);
  for (const start of [startCServer, startServer]) {
    const { target } = await start(t, projectFile('schema/vswitch.ovsschema'));
    const db = [`--db=${target}`, '--no-wait'];
    await vsctl([...db, 'add-br', 'br0']);
    for (const { table, column } of writableColumns()) {
      const { name, type } = column;
      const value = randomValue(random, type);
      const setting = `${name}=${printDatum(value, type)}`;
      const [setter, other] = random.chance(0.5) ? [vsctl, cVsctl] : [cVsctl, vsctl];
      const result = await setter([...db, 'set', table, 'br0', setting, '--', 'get', table, 'br0', name]);
      t.deepEqual(result, { stdout: `${printDatum(value, type)}\n`, stderr: '', exit: 0 }, `${table} ${setting}`);
      const get = [...db, 'get', table, 'br0', name];
      t.deepEqual(await other(get), await setter(get), `${table} ${setting}`);
    }
  }
});
