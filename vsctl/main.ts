#!/usr/bin/env node
import { journal, openJournal } from './journal.ts';
import { program } from './program.ts';

const main = async (): Promise<void> => {
  process.exitCode = await program(process.argv.slice(2), {
    env: process.env,
    interactive: process.stderr.isTTY === true,
    print: (text) => void process.stdout.write(text),
    printError: (text) => void process.stderr.write(text),
    log: journal,
    openLog: openJournal,
    kill: (signal) => void process.kill(process.pid, signal),
  });
};

void main();
