/** What Open_vSwitch.statistics tells of the host: processors, load, memory, disks, and the daemons of Open vSwitch. */
import { readdirSync, readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { basename, join } from 'node:path';

/** A file of /proc; empty when it is not there, or not to be read. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The number that follows a name in /proc/meminfo or /proc/PID/status; 0 when it is not there. */
const numberIn = (text: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);

/** In KiB: all memory, what is used of it, what of that can be given back, all swap space, what is used of it. */
export function memoryOf(meminfo: string): string {
  const total = numberIn(meminfo, 'MemTotal');
  const swap = numberIn(meminfo, 'SwapTotal');
  const used = total - numberIn(meminfo, 'MemFree');
  const cache = numberIn(meminfo, 'Buffers') + numberIn(meminfo, 'Cached');
  return [total, used, cache, swap, swap - numberIn(meminfo, 'SwapFree')].join();
}

/** The places of disks that can be written to, from /proc/self/mounts: other file systems take no space there. */
export const diskMounts = (mounts: string): string[] =>
  mounts.split('\n').flatMap((line) => {
    const [device = '', place = '', , options = ''] = line.split(' ');
    const isDisk = device.startsWith('/dev') && options.split(',').includes('rw');
    // As in fstab(5).
    return isDisk
      ? [place.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))]
      : [];
  });

/** For each of these places: its path, its size, and what is used of it, in KiB. */
function fileSystems(places: readonly string[]): string {
  const told = places.flatMap((place) => {
    try {
      const { bsize, blocks, bfree } = statfsSync(place);
      const kibibytes = (count: number): number => Math.floor((count * bsize) / 1024);
      return [`${place},${kibibytes(blocks)},${kibibytes(blocks - bfree)}`];
    } catch {
      // Unmounted since, or hidden.
      return [];
    }
  });
  return told.join(' ');
}

/** /proc/PID/stat counts in hundredths of a second on every machine. */
const ticksPerSecond = 100;

interface ProcessTimes {
  readonly parent: number;
  /** Processor time, in milliseconds. */
  readonly used: number;
  /** Since the process has started, in milliseconds. */
  readonly age: number;
}

/** From /proc/PID/stat, whose second field is a name in parentheses that may hold anything. */
export function processTimes(stat: string, uptime: number): ProcessTimes | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields.length < 20) return undefined;
  const field = (number: number): number => Number(fields[number - 3]);
  const milliseconds = (ticks: number): number => Math.round((ticks * 1000) / ticksPerSecond);
  return {
    parent: field(4),
    used: milliseconds(field(14) + field(15)),
    age: Math.max(0, Math.round(uptime * 1000) - milliseconds(field(22))),
  };
}

const monitorTitle = /^\S*: monitoring pid \d+ \((\d+) crash/;

/**
 * Size and resident size in KiB, processor time in milliseconds, how often it was restarted after a crash, and how long
 * ago it was first and last started, in milliseconds. Empty when the process is not there.
 */
function describeProcess(pid: number): string {
  const status = readText(`/proc/${pid}/status`);
  const uptime = Number(readText('/proc/uptime').split(' ')[0]);
  const times = processTimes(readText(`/proc/${pid}/stat`), uptime);
  if (!times) return '';
  const parent = readText(`/proc/${times.parent}/cmdline`).replaceAll('\0', ' ');
  const isMonitored = /^\S*: monitoring pid/.test(parent);
  const first = isMonitored ? processTimes(readText(`/proc/${times.parent}/stat`), uptime) : undefined;
  const crashes = Number(monitorTitle.exec(parent)?.[1] ?? 0);
  const sizes = [numberIn(status, 'VmSize'), numberIn(status, 'VmRSS')];
  return [...sizes, times.used, crashes, (first ?? times).age, times.age].join();
}

/** By `process_NAME`: the programs that have a pid file in the run directory. */
function processes(runDirectory: string): [string, string][] {
  let names: string[];
  try {
    names = readdirSync(runDirectory).filter((name) => name.endsWith('.pid'));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const pid = Number.parseInt(readText(join(runDirectory, name)), 10);
    return pid > 0 ? [[`process_${basename(name, '.pid')}`, describeProcess(pid)]] : [];
  });
}

/** The content of Open_vSwitch.statistics. */
export function readHostStatistics(runDirectory: string): ReadonlyMap<string, string> {
  const disks = fileSystems(diskMounts(readText('/proc/self/mounts')));
  return new Map([
    ['cpu', String(cpus().length)],
    [
      'load_average',
      loadavg()
        .map((load) => load.toFixed(2))
        .join(),
    ],
    ['memory', memoryOf(readText('/proc/meminfo'))],
    ...processes(runDirectory),
    ...(disks === '' ? [] : [['file_systems', disks] as const]),
  ]);
}
