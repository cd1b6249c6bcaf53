#!/usr/bin/env node
import { program } from './program.ts';
import { Terminal } from './terminal.ts';

const terminal = new Terminal(
  process.env,
  (text) => void process.stdout.write(text),
  (text) => void process.stderr.write(text),
  (signal) => void process.kill(process.pid, signal),
);
process.exitCode = await program(process.argv.slice(2), terminal);
