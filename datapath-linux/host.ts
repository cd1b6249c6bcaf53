/** What the host says of itself: its operating system, its devices and their addresses. */
import { readFileSync, statSync } from 'node:fs';
import { type Address, dumpAddresses, parseAddress } from './netlink/address.ts';
import { NetlinkClient } from './netlink/client.ts';
import { type Link, parseLink } from './netlink/link.ts';
import { dumpLinks } from './netlink/request.ts';

export interface HostNetwork {
  readonly links: readonly Link[];
  readonly addresses: readonly Address[];
}

/** The devices and addresses of this process's network namespace. Needs no privileges. */
export function readHostNetwork(): HostNetwork {
  const client = new NetlinkClient();
  try {
    const links = client.dump(dumpLinks(), parseLink);
    const addresses = client.dump(dumpAddresses(), parseAddress).filter((address) => address !== undefined);
    return { links, addresses };
  } finally {
    client.close();
  }
}

/** The variables of os-release(5). */
function osRelease(): ReadonlyMap<string, string> {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      const lines = readFileSync(path, 'utf8').matchAll(/^(\w+)=["']?(.*?)["']?$/gm);
      return new Map([...lines].map(([, key = '', value = '']) => [key, value]));
    } catch {
      // os-release(5): the second path stands in for the first.
    }
  }
  return new Map();
}

/** The distribution, such as `debian` and `12`, as Open_vSwitch.system_type and system_version have it. */
export function hostSystem(): { readonly type: string; readonly version: string } {
  const release = osRelease();
  return { type: release.get('ID') ?? 'unknown', version: release.get('VERSION_ID') ?? 'unknown' };
}

const tunDevice = '/dev/net/tun';

/** What keeps programs from opening taps on this host, in one sentence with the remedy; undefined if nothing does. */
export function tunRemark(): string | undefined {
  try {
    const mode = statSync(tunDevice).mode & 0o777;
    if ((mode & 0o006) === 0o006) return undefined;
    const digits = mode.toString(8).padStart(4, '0');
    return `${tunDevice} has mode ${digits}, so that other users cannot open taps, even those made for them: chmod 0666 ${tunDevice}`;
  } catch {
    return `${tunDevice} is missing, so that there can be no taps: modprobe tun`;
  }
}

/** Whether frames between ports pass the host's IP packet filter, in one sentence with the remedy. */
export function filterRemark(): string | undefined {
  const filters = ['iptables', 'ip6tables', 'arptables'].filter((filter) => {
    try {
      return readFileSync(`/proc/sys/net/bridge/bridge-nf-call-${filter}`, 'latin1').trim() !== '0';
    } catch {
      // The module br_netfilter is not loaded.
      return false;
    }
  });
  if (filters.length === 0) return undefined;
  const settings = filters.map((filter) => `net.bridge.bridge-nf-call-${filter}=0`).join(' ');
  return `frames between ports pass the host's packet filter, whose forwarding rules may drop them: sysctl -w ${settings}`;
}
