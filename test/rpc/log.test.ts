/** Modules, levels and rate limits, seen in a log file. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { logFor, logModule, setLevels } from '../../rpc/log.ts';
import { closeLogFile, openLogFile, setLogPattern } from '../../rpc/log-destination.ts';
import { applyLogSpec } from '../../rpc/log-spec.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { until } from '../helpers/until.ts';

test.before(() => {
  applyLogSpec('console:off');
  setLogPattern('file', '%c|%p|%m');
});
test.after(() => closeLogFile());

/** What is in a new log file after `write`. */
const logged = (t: ExecutionContext, write: () => void): string[] => {
  const path = join(temporaryFolder(t), 'log');
  openLogFile(path);
  write();
  return readFileSync(path, 'utf8').split('\n').slice(0, -1);
};

test.serial('a module logs what its level lets through', (t) => {
  const log = logFor('levels_test');
  const writeAll = () => {
    for (const level of ['emer', 'err', 'warn', 'info', 'dbg'] as const) log[level](level);
  };
  const lines = ['EMER|emer', 'ERR|err', 'WARN|warn', 'INFO|info', 'DBG|dbg'].map((line) => `levels_test|${line}`);
  t.deepEqual(logged(t, writeAll), lines.slice(0, 4));
  applyLogSpec('levels_test:file:err');
  t.deepEqual(logged(t, writeAll), lines.slice(0, 2));
  applyLogSpec('levels_test:syslog');
  t.deepEqual(logged(t, writeAll), lines.slice(0, 2), 'each destination has a level of its own');
  applyLogSpec('LEVELS_TEST FILE');
  t.deepEqual(logged(t, writeAll), lines);
  applyLogSpec('levels_test,off');
  t.deepEqual(logged(t, writeAll), []);
});

test.serial('what is set for all holds for modules that come later', (t) => {
  applyLogSpec('file:warn');
  const log = logFor('late_test');
  t.deepEqual(
    logged(t, () => {
      log.info('one');
      log.warn('two');
    }),
    ['late_test|WARN|two'],
  );
  setLevels(undefined, 'file', 'info');
});

test.serial('messages past a rate limit are counted, and left out unless all are wanted', async (t) => {
  const log = logFor('limit_test', { perMinute: 6000, burst: 2 });
  const flood = () => {
    for (let count = 0; count < 50; count++) log.warn('flood');
  };
  const first = logged(t, flood);
  t.is(first[0], 'limit_test|WARN|flood');
  t.true(first.length < 50, `${first.length} lines`);
  const more = await until('a message is let through', () => {
    const lines = logged(t, () => log.warn('later'));
    return lines.length > 0 && lines;
  });
  t.regex(
    more[0] ?? '',
    /^limit_test\|WARN\|Dropped \d+ log messages in last \d+ seconds \(most recently, \d+ seconds/,
  );
  t.is(more[1], 'limit_test|WARN|later');
  logModule('limit_test').limited = false;
  t.is(logged(t, flood).length, 50);
});
