import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

/** A command line as one line of text: words that need it in quotes, with the escapes of JSON. */
export const commandLine = (words: readonly string[]): string =>
  words.map((word) => (word !== '' && !/[\s"\\]/.test(word) ? word : JSON.stringify(word))).join(' ');

/** What the database's log says of a transaction: which command line made it, and who ran that. */
export const transactionComment = (line: string, parent: number): string => {
  const invoker = processName(parent);
  return invoker === undefined ? `ovs-vsctl: ${line}` : `ovs-vsctl (invoked by ${invoker}): ${line}`;
};

const processName = (pid: number): string | undefined => {
  try {
    const [command = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return basename(command) || undefined;
  } catch {
    return undefined;
  }
};
