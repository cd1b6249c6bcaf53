import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import { compilePattern, type LogRecord, type LogSource } from './log-pattern.ts';
import { discard, facilities, type Syslogger } from './syslog.ts';

/** Where messages go. */
export const destinations = ['console', 'syslog', 'file'] as const;
export type Destination = (typeof destinations)[number];
export const isDestination = (word: string): word is Destination => destinations.some((each) => each === word);

const patterns: { readonly [destination in Destination]: { text: string; format: ReturnType<typeof compilePattern> } } =
  {
    console: pattern('%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m'),
    syslog: pattern('ovs|%05N|%c%T|%p|%m'),
    file: pattern('%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m'),
  };

function pattern(text: string) {
  return { text, format: compilePattern(text) };
}

/** The pattern of a destination's messages. */
export const logPattern = (destination: Destination): string => patterns[destination].text;
export const setLogPattern = (destination: Destination, text: string): void => {
  Object.assign(patterns[destination], pattern(text));
};

const source = { program: 'vswitch', subprogram: '', facility: facilities.get('daemon') ?? 0 };
let targetFacility = facilities.get('local0') ?? 0;

/** Who logs, as patterns print it. */
export const setLogSource = ({ program, subprogram }: Pick<LogSource, 'program' | 'subprogram'>): void => {
  Object.assign(source, { program, subprogram });
};

/** Under which facility syslog gets messages, a number of `facilities`. */
export const setLogFacility = (facility: number): void => {
  source.facility = facility;
  targetFacility = facility;
};

let file: { readonly path: string; fd: number | undefined } | undefined;
let syslogger: Syslogger = discard;
let syslogTarget: ((line: string) => void) | undefined;

/** Sends further messages to syslog by that method. */
export const setSyslogger = (next: Syslogger): void => {
  syslogger = next;
};
export const syslogPrefix = (): string => syslogger.prefix;

/** Also sends what goes to syslog over UDP, laid out by RFC 5424. */
export const setSyslogTarget = (send: (line: string) => void): void => {
  syslogTarget = send;
};

const priorityFormat = compilePattern('%B');
const targetFormat = compilePattern('<%B>1 %D{%Y-%m-%dT%H:%M:%S.###Z} %E %A %P %c - \ufeff%m');

/** A log that cannot be written must not stop what it tells about. */
const writeLine = (fd: number, line: string): void => {
  try {
    writeSync(fd, `${line}\n`);
  } catch {}
};

/** How a message gets to each destination. */
export const writers: { readonly [destination in Destination]: (record: LogRecord) => void } = {
  console: (record) => writeLine(2, patterns.console.format(record, source)),
  syslog: (record) => {
    if (syslogger === discard && syslogTarget === undefined) return;
    const priority = priorityFormat(record, source);
    for (const line of patterns.syslog.format(record, source).split('\n')) {
      if (line !== '') syslogger.send(priority, line, source.program);
    }
    syslogTarget?.(targetFormat(record, { ...source, facility: targetFacility }));
  },
  file: (record) => {
    if (file?.fd !== undefined) writeLine(file.fd, patterns.file.format(record, source));
  },
};

/** Members and other users of the group may read; as the C programs, and less by the umask. */
const logFileMode = 0o660;

/** @throws the system's error; the log file stays as it is then */
export const openLogFile = (path: string): void => {
  const fd = openSync(path, 'a', logFileMode);
  closeLogFile();
  file = { path, fd };
};

/** Ends writing to the log file, until it is opened again. */
export const closeLogFile = (): void => {
  if (file?.fd === undefined) return;
  closeSync(file.fd);
  file.fd = undefined;
};

/** The path of the log file, whether or not it is open; undefined when the program has none. */
export const logFile = (): string | undefined => file?.path;

/** Whether what is at the log file's path is what is being written: not so after a rotation, or when it is closed. */
export const logFileIsCurrent = (): boolean => {
  if (file?.fd === undefined) return false;
  const now = statSync(file.path, { throwIfNoEntry: false });
  const open = fstatSync(file.fd);
  return now !== undefined && now.ino === open.ino && now.dev === open.dev;
};

export const isLogFileOpen = (): boolean => file?.fd !== undefined;
