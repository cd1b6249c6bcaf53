import { hostname } from 'node:os';
import type { Level } from './log.ts';

/** One message on its way to a destination. */
export interface LogRecord {
  readonly level: Level;
  readonly module: string;
  readonly message: string;
  /** Counts this program's messages. */
  readonly sequence: number;
  readonly time: Date;
}

/** Who logs: what patterns can say besides the message. */
export interface LogSource {
  readonly program: string;
  /** A second process of the program, such as `monitor`; empty for the first. */
  readonly subprogram: string;
  /** Syslog's number for who logs, times 8. */
  readonly facility: number;
}

/** Syslog's severities (RFC 5424 section 6.2.1) for our levels. */
const severities: { readonly [level in Level]: number } = { off: 0, emer: 0, err: 3, warn: 4, info: 6, dbg: 7 };

type Conversion = (record: LogRecord, source: LogSource, argument: string) => string;

/** What follows a `%` in a pattern (ovs-appctl(8), "vlog/set PATTERN"). */
const conversions: ReadonlyMap<string, Conversion> = new Map<string, Conversion>([
  ['A', (_record, { program }) => program],
  ['B', ({ level }, { facility }) => String(facility + severities[level])],
  ['c', ({ module }) => module],
  ['d', ({ time }, _source, format) => formatTime(localParts(time), format || defaultTime)],
  ['D', ({ time }, _source, format) => formatTime(utcParts(time), format || defaultTime)],
  ['E', () => hostname()],
  ['m', ({ message }) => message],
  ['n', () => '\n'],
  ['N', ({ sequence }) => String(sequence)],
  ['p', ({ level }) => level.toUpperCase()],
  ['P', () => String(process.pid)],
  ['r', ({ time }) => String(Math.max(0, Math.round(time.getTime() - performance.timeOrigin)))],
  ['t', (_record, { subprogram }) => subprogram || 'main'],
  ['T', (_record, { subprogram }) => (subprogram === '' ? '' : `(${subprogram})`)],
  ['%', () => '%'],
]);

const defaultTime = '%Y-%m-%d %H:%M:%S.###';

interface TimeParts {
  readonly year: number;
  /** From 0. */
  readonly month: number;
  readonly day: number;
  /** From 0, Sunday. */
  readonly weekday: number;
  readonly hours: number;
  readonly minutes: number;
  readonly seconds: number;
  readonly milliseconds: number;
}

const utcParts = (time: Date): TimeParts => ({
  year: time.getUTCFullYear(),
  month: time.getUTCMonth(),
  day: time.getUTCDate(),
  weekday: time.getUTCDay(),
  hours: time.getUTCHours(),
  minutes: time.getUTCMinutes(),
  seconds: time.getUTCSeconds(),
  milliseconds: time.getUTCMilliseconds(),
});

const localParts = (time: Date): TimeParts => ({
  year: time.getFullYear(),
  month: time.getMonth(),
  day: time.getDate(),
  weekday: time.getDay(),
  hours: time.getHours(),
  minutes: time.getMinutes(),
  seconds: time.getSeconds(),
  milliseconds: time.getMilliseconds(),
});

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const two = (value: number): string => String(value).padStart(2, '0');

type TimeConversion = (parts: TimeParts) => string;

/** The conversions of strftime(3) that log patterns use. */
const timeConversions: ReadonlyMap<string, TimeConversion> = new Map<string, TimeConversion>([
  ['a', ({ weekday }) => weekdays[weekday] ?? ''],
  ['b', ({ month }) => months[month] ?? ''],
  ['d', ({ day }) => two(day)],
  ['e', ({ day }) => String(day).padStart(2)],
  ['F', ({ year, month, day }) => `${year}-${two(month + 1)}-${two(day)}`],
  ['h', ({ month }) => months[month] ?? ''],
  ['H', ({ hours }) => two(hours)],
  ['m', ({ month }) => two(month + 1)],
  ['M', ({ minutes }) => two(minutes)],
  ['S', ({ seconds }) => two(seconds)],
  ['T', ({ hours, minutes, seconds }) => `${two(hours)}:${two(minutes)}:${two(seconds)}`],
  ['y', ({ year }) => two(year % 100)],
  ['Y', ({ year }) => String(year)],
  ['%', () => '%'],
]);

/** As strftime(3), and each run of `#` becomes that many digits of the second's fraction. */
const formatTime = (parts: TimeParts, format: string): string => {
  const fraction = String(parts.milliseconds).padStart(3, '0');
  return format
    .replace(/%(.)/g, (whole, letter: string) => timeConversions.get(letter)?.(parts) ?? whole)
    .replace(/#+/g, (digits) => fraction.padEnd(digits.length, '0').slice(0, digits.length));
};

const token = /%(-?)(0?)(\d*)(?:([dD])\{((?:%.|[^}])*)\}|(.))|([^%]+)|%/gs;

/** A function that lays out messages by a pattern. */
export const compilePattern = (pattern: string): ((record: LogRecord, source: LogSource) => string) => {
  const parts: Conversion[] = [];
  for (const [whole, left, zero, width, dated, format = '', letter = '', literal] of pattern.matchAll(token)) {
    if (literal !== undefined || whole === '%') parts.push(() => literal ?? '');
    else parts.push(padded(conversions.get(dated ?? letter) ?? (() => letter), format, { left, zero, width }));
  }
  return (record, source) => parts.map((part) => part(record, source, '')).join('');
};

interface Padding {
  readonly left: string | undefined;
  readonly zero: string | undefined;
  readonly width: string | undefined;
}

const padded = (conversion: Conversion, format: string, { left, zero, width }: Padding): Conversion => {
  const size = Number(width ?? 0);
  const fill = zero ? '0' : ' ';
  return (record, source) => {
    const text = conversion(record, source, format);
    return left ? text.padEnd(size) : text.padStart(size, fill);
  };
};
