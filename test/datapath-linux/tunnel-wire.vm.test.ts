/** The packets that carry frames are those that the C daemon sends for the same options. */
import { createInterface } from 'node:readline';
import { inMachine } from '../helpers/kernel.ts';
import { Lab } from '../helpers/lab.ts';
import { connect, type Namespace } from '../helpers/netns.ts';
import { cPrograms, kernel, program, root, testRequiring } from '../helpers/requires.ts';
import { until } from '../helpers/until.ts';

/** Sends frames with an IPv4 packet of TOS 0x28 and TTL 33, to everyone, until it is ended. */
const sender = `
import socket, struct, time
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
port.bind(("eth0", 0x0800))
def header(checksum):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0x28, 60, 7, 0, 33, 253, checksum, b"\\x01\\x02\\x03\\x04", b"\\x05\\x06\\x07\\x08")
total = sum(struct.unpack("!10H", header(0)))
packet = header(0xffff - (total % 0xffff))
frame = b"\\xff" * 6 + bytes([2, 0, 0, 0, 0, 9]) + b"\\x08\\x00" + packet.ljust(60, b"x")
while True:
    port.send(frame)
    time.sleep(0.1)
`;
/** Prints for each packet that carries such a frame what its headers say. */
const listener = `
import socket, struct
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
port.bind(("u0", 0x0003))
while True:
    packet, address = port.recvfrom(65536)
    if address[2] == 4 or b"\\x01\\x02\\x03\\x04\\x05\\x06\\x07\\x08" not in packet:
        continue
    version, tos, _, _, fragment, ttl, protocol = struct.unpack("!BBHHHBB", packet[14:24])
    if packet[12:14] == b"\\x86\\xdd":
        tos, ttl, protocol, fragment, at = (struct.unpack("!H", packet[14:16])[0] >> 4) & 0xff, packet[21], packet[20], 0, 54
    else:
        at = 34
    if protocol == 17:
        _, to, _, checksum = struct.unpack("!HHHH", packet[at : at + 8])
        body, extra = packet[at + 8 : at + 16], f"to {to} checksum {int(checksum != 0)}"
    else:
        body, extra = packet[at : at + 8], f"protocol {protocol}"
        if body[0] & 0x80:
            # The checksum itself is left to the device, which here is none that could compute it.
            body = body[:4] + b"\\0\\0" + body[6:]
    print(f"tos {tos:#x} ttl {ttl} df {(fragment >> 14) & 1} {extra} {body.hex()} frame {len(packet)}", flush=True)
`;

async function firstLine(namespace: Namespace, code: string): Promise<string> {
  const child = namespace.spawn('python3', '-c', code);
  const lines: string[] = [];
  createInterface({ input: child.stdout ?? process.stdin }).on('line', (line) => lines.push(line));
  child.stderr?.on('data', (chunk: Buffer) => lines.push(`failed: ${chunk}`));
  const line = await until('a packet arrives', () => lines[0]);
  child.kill();
  return line;
}

const addresses = { 4: ['10.0.0.1/24', '10.0.0.2/24'], 6: ['fd00::1/64', 'fd00::2/64'] } as const;

/** A host with a tunnel to another one that only listens, and what it sends for each set of options. */
async function wire(
  lab: Lab,
  daemon: 'ours' | 'c',
  version: 4 | 6,
  type: string,
  cases: readonly string[],
): Promise<string[]> {
  const [sink, source] = [await lab.neighbour(), await lab.neighbour()];
  await connect(lab.host, 'u0', sink, 'u0');
  await connect(lab.host, 'v0', source, 'eth0');
  const [near, far] = addresses[version];
  const nodad = version === 6 ? ' nodad' : '';
  await sink.ip(`addr add ${far} dev u0${nodad}`);
  const underlay = daemon === 'c' ? 'under' : 'u0';
  const netdev = daemon === 'c' ? ' -- set Bridge BRIDGE datapath_type=netdev' : '';
  await lab.vsctlAll([`add-br br0${netdev.replace('BRIDGE', 'br0')}`, 'add-port br0 v0']);
  if (daemon === 'c') await lab.vsctlAll([`add-br under${netdev.replace('BRIDGE', 'under')}`, 'add-port under u0']);
  await lab.host.ip(`addr add ${near} dev ${underlay}${nodad}`);
  await lab.host.ip(`link set ${underlay} up`);
  source.spawn('python3', '-c', sender);
  const found: string[] = [];
  for (const options of cases) {
    const remote = far.replace(/\/.*/, '');
    const set = [`remote_ip=${remote}`, ...options.split(' ').filter((each) => each !== '')];
    const quoted = set.map((each) => `options:${each.replace(/=(.*)/, '="$1"')}`);
    await lab.vsctl('add-port', 'br0', 't0', '--', 'set', 'Interface', 't0', `type=${type}`, ...quoted);
    found.push(`${options}: ${await firstLine(sink, listener)}`);
    await lab.vsctl('del-port', 't0');
  }
  return found;
}

const common = ['', 'key=42', 'ttl=9 tos=0x20', 'ttl=inherit tos=inherit', 'df_default=false', 'csum=true'];
const features = { vxlan: 'vxlan', geneve: 'geneve', gre: 'gretap' } as const;
const cases = {
  vxlan: [...common, 'csum=false', 'dst_port=4790 in_key=1 out_key=0x123456', 'exts=gbp'],
  geneve: [...common, 'csum=false', 'dst_port=6082'],
  gre: [...common, 'in_key=1 out_key=2'],
} as const;

/** Over IPv6 the userspace datapath always computes UDP checksums, and only since 3.3 does it so when it is not asked. */
const withChecksums = (all: readonly string[]): string[] =>
  all.filter((each) => !each.includes('csum')).map((each) => `${each} csum=true`.trim());

/** Each takes two minutes in the machine: there, what the host's kernel lacks, and over IPv4. */
const types = inMachine ? (['geneve', 'gre'] as const) : (['vxlan', 'geneve', 'gre'] as const);
const versions = inMachine ? ([4] as const) : ([4, 6] as const);

for (const type of types) {
  for (const version of versions) {
    const feature = type === 'gre' && version === 6 ? 'ip6gretap' : features[type];
    const requirements = [root(), cPrograms(), program('python3', 'python3'), kernel(feature)];
    testRequiring(...requirements)(`${type} over IPv${version} is the C daemon's on the wire`, async (t) => {
      const asked = version === 6 && type !== 'gre' ? withChecksums(cases[type]) : cases[type];
      const theirs = await wire(await Lab.start(t, { daemon: 'c' }), 'c', version, type, asked);
      const ours = await wire(await Lab.start(t), 'ours', version, type, asked);
      t.deepEqual(ours, theirs);
    });
  }
}
