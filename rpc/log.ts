import { type Destination, destinations, writers } from './log-destination.ts';

/** Levels of Open vSwitch's log, most severe first. */
export const levels = ['off', 'emer', 'err', 'warn', 'info', 'dbg'] as const;
export type Level = (typeof levels)[number];
export const isLevel = (word: string): word is Level => levels.some((level) => level === word);

/** How many messages of one kind a module may log: `burst` at once, and `perMinute` in the long run. */
export interface RateLimit {
  readonly perMinute: number;
  readonly burst: number;
}

/** A part of the program under whose name messages are logged, with its level for each destination. */
export interface LogModule {
  readonly name: string;
  readonly levels: Map<Destination, Level>;
  /** Whether rate limits are heeded. */
  limited: boolean;
}

export interface Log {
  readonly emer: (message: string) => void;
  readonly err: (message: string) => void;
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
  readonly dbg: (message: string) => void;
}

const modules = new Map<string, LogModule>();
const rank = new Map<Level, number>(levels.map((level, at) => [level, at]));
const rankOf = (level: Level | undefined): number => rank.get(level ?? 'off') ?? 0;

/** What new modules start with: what was last set for all. */
const defaults = new Map<Destination, Level>(destinations.map((each) => [each, 'info']));
let sequence = 0;

/** The modules that log, in the order of their names. */
export const logModules = (): LogModule[] => [...modules.values()].sort((a, b) => (a.name < b.name ? -1 : 1));

/** The module of that name; made if there is none yet. */
export const logModule = (name: string): LogModule => {
  const known = modules.get(name);
  if (known !== undefined) return known;
  const module: LogModule = { name, levels: new Map(defaults), limited: true };
  modules.set(name, module);
  return module;
};

/** Messages less severe than `level` are not written any more: by one module or all, to one destination or all. */
export const setLevels = (module: LogModule | undefined, destination: Destination | undefined, level: Level): void => {
  const to = destination === undefined ? destinations : [destination];
  const changed = module === undefined ? [...modules.values()].map((each) => each.levels) : [module.levels];
  if (module === undefined) changed.push(defaults);
  for (const each of changed) for (const one of to) each.set(one, level);
};

/** Sets the level of all modules and destinations. */
export const setLogLevel = (level: Level): void => setLevels(undefined, undefined, level);

const write = (module: LogModule, level: Level, message: string): void => {
  const severity = rankOf(level);
  const wanted = destinations.filter((each) => severity <= rankOf(module.levels.get(each)));
  if (wanted.length === 0) return;
  const record = { level, module: module.name, message, sequence: ++sequence, time: new Date() };
  for (const each of wanted) writers[each](record);
};

/** Whether any destination takes the module's messages of that level: ask before making an expensive message. */
export const isLogged = ({ levels: set }: LogModule, level: Level): boolean =>
  destinations.some((each) => rankOf(level) <= rankOf(set.get(each)));

/**
 * A module's log (ovs-appctl(8), "vlog/set").
 * @param limit for messages that a peer can cause: further ones are counted and left out
 */
export const logFor = (name: string, limit?: RateLimit): Log => {
  const module = logModule(name);
  const bucket = limit === undefined ? undefined : new Bucket(limit);
  const at = (level: Level) => (message: string) => {
    if (bucket === undefined || !module.limited) return write(module, level, message);
    if (!isLogged(module, level) || !bucket.take(Date.now())) return;
    const dropped = bucket.report(Date.now());
    if (dropped !== undefined) write(module, level, dropped);
    write(module, level, message);
  };
  return { emer: at('emer'), err: at('err'), warn: at('warn'), info: at('info'), dbg: at('dbg') };
};

/** A token bucket; times are in milliseconds. */
class Bucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #filled = 0;
  #dropped = 0;
  #firstDropped = 0;
  #lastDropped = 0;

  constructor(limit: RateLimit) {
    this.#limit = limit;
    this.#tokens = limit.burst;
  }

  take(now: number): boolean {
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + ((now - this.#filled) * this.#limit.perMinute) / 60_000);
    this.#filled = now;
    if (this.#tokens >= 1) {
      this.#tokens--;
      return true;
    }
    if (this.#dropped++ === 0) this.#firstDropped = now;
    this.#lastDropped = now;
    return false;
  }

  /** Says how many messages were left out since the last that was written, if any were. */
  report(now: number): string | undefined {
    if (this.#dropped === 0) return undefined;
    const since = (time: number): number => Math.floor((now - time) / 1000);
    const message =
      `Dropped ${this.#dropped} log messages in last ${since(this.#firstDropped)} seconds ` +
      `(most recently, ${since(this.#lastDropped)} seconds ago) due to excessive rate`;
    this.#dropped = 0;
    return message;
  }
}
