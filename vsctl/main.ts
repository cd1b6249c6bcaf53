#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { decodeText, encodeText } from '../schema/raw-bytes.ts';
import { journal, openJournal } from './journal.ts';
import { program } from './program.ts';

/** The arguments; what is not UTF-8 in them, of which Node tells only that there was something, with its bytes. */
const readArguments = (): string[] => {
  const words = process.argv.slice(2);
  if (!words.some((word) => word.includes('\ufffd'))) return words;
  const whole = readFileSync('/proc/self/cmdline');
  const parts: string[] = [];
  for (let start = 0; start < whole.length; ) {
    const end = whole.indexOf(0, start);
    parts.push(decodeText(whole.subarray(start, end)));
    start = end + 1;
  }
  return parts.slice(-words.length);
};

const main = async (): Promise<void> => {
  process.exitCode = await program(readArguments(), {
    env: process.env,
    interactive: process.stderr.isTTY === true,
    print: (text) => void process.stdout.write(encodeText(text)),
    printError: (text) => void process.stderr.write(encodeText(text)),
    log: journal,
    openLog: openJournal,
    kill: (signal) => void process.kill(process.pid, signal),
  });
};

void main();
