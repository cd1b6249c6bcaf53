/** Levels of Open vSwitch's log, most severe first. */
const levels = ['off', 'emer', 'err', 'warn', 'info', 'dbg'] as const;
export type Level = (typeof levels)[number];
export const isLevel = (word: string): word is Level => levels.some((level) => level === word);

const words: { readonly [level in Level]: string } = {
  off: 'OFF',
  emer: 'EMER',
  err: 'ERR',
  warn: 'WARN',
  info: 'INFO',
  dbg: 'DBG',
};

let threshold: Level = 'info';
let sequence = 0;

/** Messages less severe than that are not written. */
export const setLogLevel = (level: Level): void => {
  threshold = level;
};

const write = (level: Level, module: string, message: string): void => {
  if (levels.indexOf(level) > levels.indexOf(threshold)) return;
  const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const number = String(++sequence).padStart(5, '0');
  process.stderr.write(`${time}|${number}|${module}|${words[level]}|${message}\n`);
};

export interface Log {
  readonly err: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
  readonly dbg: (message: string) => void;
}

/** A module's log; lines have the form of Open vSwitch's on the console (ovs-appctl(8), "vlog/set"). */
export const logFor = (module: string): Log => ({
  err: (message) => write('err', module, message),
  warn: (message) => write('warn', module, message),
  info: (message) => write('info', module, message),
  dbg: (message) => write('dbg', module, message),
});
