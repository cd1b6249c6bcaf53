/** Runs case files of frames against a switch: real devices, real frames. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { ExecutionContext } from 'ava';
import { Lab } from '../../helpers/lab.ts';
import type { Namespace } from '../../helpers/netns.ts';
import { projectFile } from '../../helpers/project.ts';
import { type FrameCase, printArrivals, type SentFrame, type Tag } from './frame-case.ts';

/** Whose switch, and which of its datapaths. */
export type Subject = 'ours' | 'c-netdev' | 'c-system';

/** In seconds: this long after the last arrival nothing more is expected, even on an emulated processor. */
const quiet = { host: 0.3, machine: 1.5 } as const;
/** Whether this is the virtual machine. */
export const inMachine = process.env.VM_HOST_FEATURES !== undefined;

type Arrivals = Readonly<Record<string, readonly (readonly [type: number, tci: number][])[]>>;

export class FrameLab {
  readonly #lab: Lab;
  readonly #subject: Subject;
  readonly #leaves: Namespace;

  private constructor(lab: Lab, subject: Subject, leaves: Namespace) {
    this.#lab = lab;
    this.#subject = subject;
    this.#leaves = leaves;
  }

  static async start(t: ExecutionContext, subject: Subject): Promise<FrameLab> {
    const lab = await Lab.start(t, { daemon: subject === 'ours' ? 'ours' : 'c' });
    const leaves = await lab.neighbour();
    // Devices that nobody speaks to shall not speak either.
    for (const namespace of [lab.host, leaves]) {
      await namespace.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6');
    }
    return new FrameLab(lab, subject, leaves);
  }

  /** Where the case's frames arrive, by the text of the frame. What the case has made is gone afterwards. */
  async run(frameCase: FrameCase): Promise<ReadonlyMap<string, string>> {
    const setUp = new SetUp(this.#lab, this.#subject, this.#leaves);
    for (const [word = '', ...rest] of [['bridge', 'br0'], ...frameCase.setUp]) setUp.add(word, rest);
    await setUp.carryOut();
    const found = await this.#exchange(frameCase, setUp.ports);
    await setUp.tearDown();
    return found;
  }

  async #exchange({ groups }: FrameCase, ports: ReadonlyMap<string, Place>): Promise<ReadonlyMap<string, string>> {
    const addresses = new Map([...ports.keys()].map((name, index) => [name, addressOf(index + 1)]));
    const frame = ({ from, tags, to }: SentFrame) => ({
      from,
      tags: tags.map(({ type, vlan, priority }) => [type, (priority << 13) | vlan]),
      to: to === undefined ? 'ff:ff:ff:ff:ff:ff' : (addresses.get(to) ?? to),
      source: addresses.get(from),
    });
    const job = {
      ports: Object.fromEntries(ports),
      groups: groups.map((group) => group.map(frame)),
      quiet: inMachine ? quiet.machine : quiet.host,
    };
    const results: readonly (readonly Arrivals[])[] = JSON.parse(await runFrames(JSON.stringify(job)));
    return new Map(
      groups.flatMap((group, i) =>
        group.map((sent, j): [string, string] => [sent.text, printArrivals(readArrivals(results[i]?.[j] ?? {}))]),
      ),
    );
  }
}

/** The namespace and the device where a port's frames are sent and received. */
type Place = readonly [namespace: string, device: string];

const addressOf = (number: number): string => `02:00:00:00:01:${number.toString(16).padStart(2, '0')}`;

const readArrivals = (arrivals: Arrivals): Record<string, Tag[][]> =>
  Object.fromEntries(
    Object.entries(arrivals).map(([port, copies]) => [
      port,
      copies.map((tags) => tags.map(([type, tci]) => ({ type, vlan: tci & 0xfff, priority: tci >> 13 }))),
    ]),
  );

async function runFrames(job: string): Promise<string> {
  const child = spawn('/usr/bin/python3', [projectFile('test/fixtures/frames.py')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(job);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (errors !== '') throw new Error(errors);
  return output;
}

/** The devices and rows of a case. */
class SetUp {
  readonly ports = new Map<string, Place>();
  readonly #lab: Lab;
  readonly #subject: Subject;
  readonly #leaves: Namespace;
  readonly #bridges: string[] = [];
  readonly #devices: string[] = [];
  readonly #internals: string[] = [];
  readonly #commands: string[][] = [];

  constructor(lab: Lab, subject: Subject, leaves: Namespace) {
    this.#lab = lab;
    this.#subject = subject;
    this.#leaves = leaves;
  }

  /** One line of a case; @throws Error for a word that it does not know */
  add(word: string, rest: readonly string[]): void {
    const [name = '', ...columns] = rest;
    switch (word) {
      case 'bridge':
        this.#bridge(name, columns);
        break;
      case 'device':
        for (const each of rest) this.#device(each);
        break;
      case 'port':
        this.#port(name, columns);
        break;
      case 'internal':
        this.#internal(name, columns);
        break;
      case 'own':
        this.#own(name);
        break;
      case 'vsctl':
        this.#commands.push([...rest]);
        break;
      default:
        throw new Error(`a case has no line that begins with "${word}"`);
    }
  }

  #bridge(name: string, columns: readonly string[]): void {
    if (!this.#bridges.includes(name)) {
      this.#bridges.push(name);
      this.#commands.push(['add-br', name]);
      if (this.#subject === 'c-netdev') this.#commands.push(['set', 'Bridge', name, 'datapath_type=netdev']);
    }
    if (columns.length > 0) this.#commands.push(['set', 'Bridge', name, ...columns]);
  }

  #device(name: string): void {
    this.#devices.push(name);
    this.ports.set(name, [this.#leaves.name, name]);
  }

  #port(place: string, columns: readonly string[]): void {
    const [name = '', bridge = 'br0'] = place.split('@');
    if (!this.#devices.includes(name)) this.#device(name);
    this.#commands.push(['add-port', bridge, name]);
    if (columns.length > 0) this.#commands.push(['set', 'Port', name, ...columns]);
  }

  #internal(place: string, columns: readonly string[]): void {
    const [name = '', bridge = 'br0'] = place.split('@');
    if (!this.#bridges.includes(name)) {
      this.#commands.push(['add-port', bridge, name], ['set', 'Interface', name, 'type=internal']);
    }
    if (columns.length > 0) this.#commands.push(['set', 'Port', name, ...columns]);
    this.#own(name);
  }

  #own(name: string): void {
    this.#internals.push(name);
    this.ports.set(name, [this.#lab.host.name, name]);
  }

  async carryOut(): Promise<void> {
    const { host } = this.#lab;
    const ips = this.#devices.flatMap((name) => [
      `link add dev ${name} type veth peer name ${name} netns ${this.#leaves.name}`,
      `link set dev ${name} up`,
    ]);
    await batch(host, ips);
    await batch(
      this.#leaves,
      this.#devices.map((name) => `link set dev ${name} up`),
    );
    await this.#lab.vsctl(...this.#commands.flatMap((command) => ['--', ...command]));
    await batch(
      host,
      this.#internals.map((name) => `link set dev ${name} up`),
    );
  }

  async tearDown(): Promise<void> {
    const commands = [['clear', 'Open_vSwitch', '.', 'other_config'], ...this.#bridges.map((name) => ['del-br', name])];
    await this.#lab.vsctl(...commands.flatMap((command) => ['--', ...command]));
    await batch(
      this.#lab.host,
      this.#devices.map((name) => `link del dev ${name}`),
    );
  }
}

/** Many lines of `ip` in one process, which counts on an emulated processor. */
async function batch(namespace: Namespace, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const child = namespace.spawn('ip', '-batch', '-');
  child.stdin?.end(`${lines.join('\n')}\n`);
  const errors = child.stderr ? await text(child.stderr) : '';
  if (errors !== '') throw new Error(`${errors} in:\n${lines.join('\n')}`);
}
