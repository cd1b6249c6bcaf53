/** Network namespaces for tests and benchmarks: made fresh, and gone with everything in them when closed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export class Namespace {
  readonly name: string;
  readonly #children = new Set<ChildProcess>();

  private constructor(name: string) {
    this.name = name;
  }

  /** A new namespace whose loopback device is up. */
  static async create(): Promise<Namespace> {
    const namespace = new Namespace(`vsw-test-${randomBytes(6).toString('hex')}`);
    await execute('ip', ['netns', 'add', namespace.name]);
    await namespace.ip('link set lo up');
    return namespace;
  }

  /** Runs a program inside and returns its output. @throws when it exits with another status than 0 */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await execute('ip', ['netns', 'exec', this.name, program, ...args], { maxBuffer: 1 << 26 });
    return stdout;
  }

  /** `ip` with one line of arguments, inside. */
  async ip(line: string): Promise<string> {
    const { stdout } = await execute('ip', ['-n', this.name, ...line.split(' ')], { maxBuffer: 1 << 26 });
    return stdout;
  }

  /** Whether a device is there. */
  async has(device: string): Promise<boolean> {
    return (await this.links()).some(({ ifname }) => ifname === device);
  }

  async links(): Promise<readonly LinkJson[]> {
    const links: readonly (LinkJson & Readonly<Record<string, unknown>>)[] = JSON.parse(
      await this.ip('-d -j link show'),
    );
    return links.map((link) => linkJson(link));
  }

  /** @throws when the device is not there */
  async link(device: string): Promise<LinkJson> {
    const found = (await this.links()).find(({ ifname }) => ifname === device);
    if (!found) throw new Error(`no device ${device} in ${this.name}`);
    return found;
  }

  /** Starts a program inside; it is ended with the namespace. `ip netns exec` becomes it, so its pid is the child's. */
  spawn(program: string, ...args: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, program, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /**
   * Whether so many pings to an address are answered; it waits for the answers that long. A busy kernel takes seconds to
   * notice that a new link has a carrier, and `ping` gives up earlier: when the address is not resolved.
   */
  async ping(address: string, pings = 3, seconds = 10): Promise<boolean> {
    const end = performance.now() + seconds * 1000;
    do {
      if (await this.#pingOnce(address, pings, seconds)) return true;
      await delay(50);
    } while (performance.now() < end);
    return false;
  }

  async #pingOnce(address: string, pings: number, seconds: number): Promise<boolean> {
    const patience = ['-W', String(seconds / 2), '-w', String(seconds)];
    try {
      await this.run('ping', '-n', '-c', String(pings), '-i', '0.05', ...patience, address);
      return true;
    } catch {
      return false;
    }
  }

  async close(): Promise<void> {
    for (const child of this.#children) await end(child, 'SIGKILL');
    await execute('ip', ['netns', 'delete', this.name]);
  }
}

/** What `ip -d -j link` tells of a device, as far as it stays the same while nobody changes anything. */
export interface LinkJson {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address: string;
  readonly master?: string | undefined;
  readonly group?: string | undefined;
  readonly ifalias?: string | undefined;
  readonly altnames?: readonly string[] | undefined;
  readonly link_netnsid?: number | undefined;
  readonly linkinfo?: LinkInfoJson | undefined;
}

interface LinkInfoJson {
  readonly info_kind?: string | undefined;
  readonly info_data?: Readonly<Record<string, unknown>> | undefined;
}

/** Without the timers and counters of bridges and their ports, and what the kernel notes of a carrier later. */
function linkJson(link: LinkJson): LinkJson {
  const { ifindex, ifname, mtu, address, master, group, ifalias, altnames, link_netnsid, linkinfo } = link;
  const kind = linkinfo?.info_kind;
  const data = kind === 'tun' ? linkinfo?.info_data : undefined;
  const flags = link.flags.filter((flag) => flag !== 'NO-CARRIER');
  const info = { info_kind: kind, info_data: data };
  return { ifindex, ifname, flags, mtu, address, master, group, ifalias, altnames, link_netnsid, linkinfo: info };
}

/** Sends a signal and waits for the end; returns the exit status, null after a deadly signal. */
export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const exited = once(child, 'exit');
  child.kill(signal);
  const [status] = await exited;
  return status;
}

/** A veth pair between two namespaces: `a` in one, `b` in the other, both up. */
export async function connect(one: Namespace, a: string, other: Namespace, b: string): Promise<void> {
  await one.ip(`link add ${a} type veth peer name ${b} netns ${other.name}`);
  await one.ip(`link set ${a} up`);
  await other.ip(`link set ${b} up`);
}
