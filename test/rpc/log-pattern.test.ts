/** How messages are laid out. */
import { hostname } from 'node:os';
import test from 'ava';
import { compilePattern } from '../../rpc/log-pattern.ts';

const record = {
  level: 'warn',
  module: 'bridge',
  message: 'br0: lost',
  sequence: 42,
  time: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 67)),
} as const;
const source = { program: 'ovsdb-server', subprogram: 'monitor', facility: 24 };

const cases: readonly (readonly [string, string])[] = [
  ['%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m', '2026-01-02T03:04:05.067Z|00042|bridge(monitor)|WARN|br0: lost'],
  ['%D{%Y-%m-%dT%H:%M:%SZ}', '2026-01-02T03:04:05Z'],
  ['%D', '2026-01-02 03:04:05.067'],
  ['%D{%h %e %T} %D{%b %a %F %y %%}', 'Jan  2 03:04:05 Jan Fri 2026-01-02 26 %'],
  ['%D{#} %D{##} %D{#####}', '0 06 06700'],
  ['<%B> %A %t %P', `<28> ovsdb-server monitor ${process.pid}`],
  ['%E', hostname()],
  ['[%-7p] [%7p] [%07p] [%3N] [%03N]', '[WARN   ] [   WARN] [000WARN] [ 42] [042]'],
  ['100%%%n', '100%\n'],
  ['%X %', 'X '],
];

for (const [pattern, expected] of cases) {
  test(`the pattern ${JSON.stringify(pattern)}`, (t) => t.is(compilePattern(pattern)(record, source), expected));
}

test('a program without subprograms is called main, and not named', (t) => {
  t.is(compilePattern('%t|%c%T')(record, { ...source, subprogram: '' }), 'main|bridge');
});

test('local time is that of the time zone', (t) => {
  const { time } = record;
  const two = (value: number) => String(value).padStart(2, '0');
  const expected = `${two(time.getDate())} ${two(time.getHours())}:${two(time.getMinutes())}`;
  t.is(compilePattern('%d{%d %H:%M}')(record, source), expected);
});
