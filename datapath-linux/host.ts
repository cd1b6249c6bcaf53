/** What the host says of itself: its operating system, its devices and their addresses. */
import { readFileSync } from 'node:fs';
import { type Address, parseAddress } from './netlink/address.ts';
import { NetlinkClient } from './netlink/client.ts';
import { type Link, parseLink } from './netlink/link.ts';
import { dumpAddresses, dumpLinks } from './netlink/request.ts';

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
