/** Commands to the control socket of a lab's switch. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Lab } from './lab.ts';

const execute = promisify(execFile);

/** What ovs-appctl prints: its output, or what it says of an error. */
export async function ask(lab: Lab, ...args: readonly string[]): Promise<string> {
  const target = `${lab.directory}/ovs-vswitchd.${lab.switch.pid}.ctl`;
  try {
    return (await execute('ovs-appctl', ['-t', target, ...args])).stdout;
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    return stderr.replaceAll(target, 'TARGET');
  }
}
