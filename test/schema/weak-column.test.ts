import test from 'ava';
import { parseSchema, schemaToJson } from '../../schema/schema.ts';

test('a column of weak references can change, whatever the schema says', (t) => {
  const type = { key: { type: 'uuid', refTable: 'A', refType: 'weak' }, min: 0, max: 1 };
  const columns = { weak: { type, mutable: false }, fixed: { type: 'string', mutable: false } };
  const schema = parseSchema({ name: 'S', version: '1.0.0', tables: { A: { columns } } });
  t.true(schema.tables.get('A')?.columns.get('weak')?.mutable);
  t.false(schema.tables.get('A')?.columns.get('fixed')?.mutable);
  t.false(JSON.stringify(schemaToJson(schema)).includes('"weak":{"mutable"'));
});
