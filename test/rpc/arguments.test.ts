/** Command lines that getopt_long() understands and commander does not. */
import test from 'ava';
import { Command } from 'commander';
import { completeArguments } from '../../rpc/arguments.ts';

const program = new Command()
  .option('-v, --verbose [spec]')
  .option('--log-file [file]')
  .option('--pidfile [file]')
  .option('--private-key <file>')
  .option('-p, --port <port>')
  .option('--remote <remote>')
  .option('--detach')
  .option('--no-chdir')
  .option('--no-dbs');

const cases: readonly { readonly given: string; readonly expected: string }[] = [
  { given: '--detach x', expected: '--detach x' },
  { given: '--log-file x', expected: '--log-file= x' },
  { given: '--log-file=f x', expected: '--log-file=f x' },
  { given: '--log x', expected: '--log-file= x' },
  { given: '--pid=f --det', expected: '--pidfile=f --detach' },
  { given: '-v x', expected: '--verbose= x' },
  { given: '-vinfo x', expected: '-vinfo x' },
  { given: '--verb=x:info', expected: '--verbose=x:info' },
  { given: '--rem punix:x', expected: '--remote punix:x' },
  { given: '--remote --log-file', expected: '--remote --log-file' },
  { given: '-p --log-file --log-file', expected: '-p --log-file --log-file=' },
  { given: '-p1 --log-file', expected: '-p1 --log-file=' },
  { given: '--no-c --no-db', expected: '--no-chdir --no-dbs' },
  { given: '--p x', expected: '--p x' },
  { given: '--nope', expected: '--nope' },
  { given: '--log-file -- --log-file', expected: '--log-file= -- --log-file' },
  { given: '- x', expected: '- x' },
];

for (const { given, expected } of cases) {
  test(`"${given}" is "${expected}"`, (t) => {
    t.deepEqual(completeArguments(given.split(' '), program), expected.split(' '));
  });
}
