import test from 'ava';
import { IdJournal, RowIds } from '../../server/row-ids.ts';

test('a write that fails leaves rows with the ids that they had', (t) => {
  const journal = new IdJournal();
  const ids = new RowIds(journal);
  ids.set('a', 3);
  const b = ids.add('b');
  t.is(b, 4);
  journal.forget();
  t.is(ids.remove('a'), 3);
  t.not(ids.add('a'), 3);
  t.is(ids.remove('b'), b);
  const c = ids.add('c');
  journal.undo();
  t.is(ids.get('a'), 3);
  t.is(ids.get('b'), b);
  t.throws(() => ids.get('c'));
  t.true(ids.add('d') >= c, 'an id that was given is not that of another row');
});

test('a row that is in the file twice is told', (t) => {
  const ids = new RowIds(new IdJournal());
  ids.set('a', 1);
  t.throws(() => ids.set('a', 2), { message: /row a is in the file twice/ });
});
