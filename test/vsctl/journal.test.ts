import { execFile } from 'node:child_process';
import test from 'ava';
import { projectProgram } from '../helpers/project.ts';

test('a log file that cannot be opened is told in one line', async (t) => {
  const program = projectProgram('ovs-vsctl');
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, [program, '--log-file=/nonexistent/log', 'show'], (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
  });
  t.is(code, 1);
  t.regex(stderr, /^\S+\|vlog\|WARN\|failed to open \/nonexistent\/log for logging: No such file or directory\n$/);
});
