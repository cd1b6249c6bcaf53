import type { Places } from './places.ts';

interface Advice {
  /** What the error says, or its code. */
  readonly pattern: RegExp;
  readonly advice: (places: Places, match: RegExpExecArray) => string;
}

const elsewhere = 'vswitch --database FILE --rundir DIRECTORY';

const table: readonly Advice[] = [
  {
    pattern: /already locked by pid (\d+)/,
    advice: ({ database }, [, pid]) =>
      `Another server, process ${pid}, has ${database} open. Stop it first (kill ${pid}), or run beside it with a database and a socket of your own: ${elsewhere}`,
  },
  {
    pattern: /(ovs[\w-]+)\.pid: already running as pid (\d+)/,
    advice: ({ run }, [, program, pid]) =>
      `${program} runs already, as process ${pid}, with its files in ${run}. Stop it first (ovs-appctl -t ${program} exit), or run beside it: ${elsewhere}`,
  },
  {
    pattern: /is a clustered database/,
    advice: ({ database }) =>
      `${database} stays as it is; choose another file: vswitch --database ${withOtherName(database)}`,
  },
  {
    pattern: /^EACCES|^EPERM|^ENOENT|^ENOTDIR|^SQLITE_CANTOPEN|^SQLITE_READONLY/,
    advice: ({ database, run }) =>
      `${database}, or a socket in ${run}, cannot be made by this user, or not there. Run as root, or choose other places: ${elsewhere}`,
  },
  {
    pattern: /^EROFS/,
    advice: () => `The file system is read-only; choose other places: ${elsewhere}`,
  },
  {
    pattern: /^EADDRINUSE/,
    advice: () => 'Another program listens there already.',
  },
  {
    pattern: /^ECONNREFUSED/,
    advice: ({ socket }) =>
      `Nothing listens on ${socket}: is that a file which is no socket? Move it away, or choose other places: ${elsewhere}`,
  },
  {
    pattern: /native helper is not built/,
    advice: () => 'Run `npm install` in the vswitch folder; it needs a C compiler, make and python3.',
  },
];

const withOtherName = (database: string): string => database.replace(/[^/]*$/, 'vswitch.db');

const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string') return error.code;
  return codeOf(error.cause);
};

/** Why the program could not start and what to do about it, in plain sentences. */
export const explainStartError = (error: unknown, places: Places): string => {
  const message = error instanceof Error ? error.message : String(error);
  for (const { pattern, advice } of table) {
    const match = pattern.exec(message) ?? pattern.exec(codeOf(error));
    if (match) return `${advice(places, match)}\n(${message})`;
  }
  return message;
};
