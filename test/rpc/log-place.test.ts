/** A log that cannot go where the options say ends each program, in one line that tells why. */
import test, { type ExecutionContext } from 'ava';
import { DaemonFolder, type Kind } from '../helpers/daemon-folder.ts';
import { withoutLogTimes } from '../helpers/program-run.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';

/** Programs, and what they are asked for. The C ovsdb-tool has no options for its log. */
const programs: { readonly [program: string]: readonly string[] } = {
  'ovsdb-server': ['--no-db', '--unixctl=none', '--run=true'],
  'ovsdb-client': ['list-dbs', 'unix:nowhere'],
  'ovs-appctl': ['version'],
  'ovsdb-tool': ['schema-name'],
};

const wrong = async (t: ExecutionContext, kind: Kind, program: string): Promise<void> => {
  const folder = new DaemonFolder(t);
  const run = (option: string) => folder.run(kind, program, option, ...(programs[program] ?? []));
  const missing = await run('--log-file=/nonexistent/log');
  const complaint = 'vlog|WARN|failed to open /nonexistent/log for logging: No such file or directory\n';
  t.deepEqual(
    { ...missing, stderr: withoutLogTimes(missing.stderr) },
    {
      code: 1,
      signal: null,
      stdout: '',
      stderr: complaint,
    },
  );
  const method = await run('--syslog-method=pigeon');
  t.like(method, { code: 1, stdout: '' });
  t.true(method.stderr.startsWith(`${program}: `), method.stderr);
  t.regex(method.stderr, /unsupported syslog method 'pigeon'/);
  t.is(method.stderr.split('\n').length, 2);
};

for (const program of Object.keys(programs)) {
  test(`${program} (ours)`, (t) => wrong(t, 'ours', program));
  if (program !== 'ovsdb-tool') testRequiring(cPrograms())(`${program} (C)`, (t) => wrong(t, 'c', program));
}
