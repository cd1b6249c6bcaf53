import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { basename } from 'node:path';
import { projectProgram } from './project.ts';
import { findProgram } from './requires.ts';

/** How a program ran. */
export interface ProgramRun {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status, or the signal that ended it. */
  readonly status: number | NodeJS.Signals | null;
}

export interface RunOptions {
  /** A file to be its standard input; without it there is nothing to read. */
  readonly inputFile?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** What to start: Open vSwitch's program of a name, or ours. */
export const cCommand = (name: string): string[] => [findProgram(name) ?? name];
export const ourCommand = (name: 'ovsdb-client' | 'ovsdb-tool'): string[] => [process.execPath, projectProgram(name)];

/** Runs a program to its end. */
export const runProgram = async (
  [program = '', ...first]: readonly string[],
  args: readonly string[],
  { inputFile = '/dev/null', cwd, env = {} }: RunOptions = {},
): Promise<ProgramRun> => {
  const input = openSync(inputFile, 'r');
  const child = spawn(program, [...first, ...args], {
    argv0: basename(program),
    cwd,
    env: { ...process.env, ...env },
    stdio: [input, 'pipe', 'pipe'],
  });
  closeSync(input);
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    output.stdout += chunk;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output.stderr += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return { ...output, status: signal ?? code };
};

/** Takes the time and the number from lines of the log. */
export const withoutLogTimes = (text: string): string => text.replace(/^\S+Z\|\d+\|/gm, '');
export const sortLines = (text: string): string => text.split('\n').sort().join('\n');
