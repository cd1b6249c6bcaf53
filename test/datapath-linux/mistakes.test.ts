/** What users get wrong: one sentence in Interface.error, and the rest works. */
import type { ExecutionContext } from 'ava';
import { kernelHas } from '../helpers/kernel.ts';
import { Lab } from '../helpers/lab.ts';
import { rootTest as test } from '../helpers/netns.ts';
import { until } from '../helpers/until.ts';

async function check(t: ExecutionContext, lab: Lab, errors: Readonly<Record<string, RegExp>>): Promise<void> {
  for (const [name, expected] of Object.entries(errors)) {
    t.regex(await lab.get('Interface', name, 'error'), expected, name);
    t.is(await lab.get('Interface', name, 'ofport'), '-1', name);
  }
  t.is(await lab.get('Interface', 'good0', 'error'), '[]');
  t.true(await lab.host.has('good0'));
  await lab.assertSettled();
}

test('names that no device can have, types that nobody knows', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 sixteen_chars_xx',
    'add-port br0 sixteen_chars_yy -- set Interface sixteen_chars_yy type=internal',
    'add-port br0 a/b',
    'add-port br0 a/c -- set Interface a/c type=tap',
    'add-port br0 n%d -- set Interface n%d type=internal',
    'add-port br0 weird -- set Interface weird type=foo',
    'add-port br0 tap0 -- set Interface tap0 type=tap options:owner=no-such-user',
    'add-port br0 tap1 -- set Interface tap1 type=tap options:multi_queue=maybe',
    'add-port br0 lo',
    'add-port br0 good0 -- set Interface good0 type=internal',
  ]);
  await check(t, lab, {
    sixteen_chars_xx: /^"could not open network device sixteen_chars_xx \(No such device\)"$/,
    sixteen_chars_yy: /at most 15 bytes/,
    'a/b': /^"could not open network device a\/b \(No such device\)"$/,
    'a/c': /no slash/,
    'n%d': /percent sign/,
    weird: /^"could not open network device weird \(Address family not supported by protocol\)"$/,
    tap0: /options:owner names no user of this host/,
    tap1: /options:multi_queue is neither true nor false/,
    lo: /^"could not add network device lo to ofproto \(Invalid argument\)"$/,
  });
});

test('an MTU that a device refuses does not cost the port, nor those that follow it', async (t) => {
  const lab = await Lab.start(t);
  await lab.host.ip('link add nic0 type veth peer name nic1');
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 nic0 -- set Interface nic0 mtu_request=99999',
    'add-port br0 tap0 -- set Interface tap0 type=tap mtu_request=67',
    'add-port br0 int0 -- set Interface int0 type=internal mtu_request=99999',
    'add-port br0 int1 -- set Interface int1 type=internal',
  ]);
  for (const name of ['nic0', 'tap0', 'int0']) {
    t.regex(await lab.get('Interface', name, 'error'), new RegExp(`^"could not set the MTU of ${name} to \\d+ `), name);
    t.not(await lab.get('Interface', name, 'ofport'), '-1', name);
    t.is((await lab.host.link(name)).mtu, 1500, name);
  }
  t.deepEqual(await Promise.all(['br0', 'int1'].map((name) => lab.get('Interface', name, 'error'))), ['[]', '[]']);
  await lab.vsctl('set', 'Interface', 'int0', 'mtu_request=1400');
  t.is(await lab.get('Interface', 'int0', 'error'), '[]');
  t.is((await lab.host.link('int0')).mtu, 1400);
});

test('devices that are in use, in the way, or no ports at all are left alone', async (t) => {
  const lab = await Lab.start(t);
  await lab.host.ip('link add other0 type bridge');
  await lab.host.ip('link add used0 type veth peer name used1');
  await lab.host.ip('link set used0 master other0');
  await lab.host.ip('link add taken0 type veth peer name taken1');
  await lab.host.ip('tuntap add dev hand0 mode tap');
  const before = (await lab.host.links()).filter(({ ifname }) => ifname !== 'lo');
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 used0',
    'add-port br0 other0',
    'add-port br0 taken0 -- set Interface taken0 type=internal',
    'add-port br0 taken1 -- set Interface taken1 type=tap',
    'add-port br0 hand0 -- set Interface hand0 type=tap options:owner=nobody',
    'add-port br0 good0 -- set Interface good0 type=internal',
  ]);
  await check(t, lab, {
    used0: /^"could not add network device used0 to ofproto \(Device or resource busy\): it is a port of other0"$/,
    other0: /a kernel bridge cannot be a port/,
    taken0: /File exists/,
    taken1: /that is no tap/,
    hand0: /with other options/,
  });
  for (const link of before) t.deepEqual(await lab.host.link(link.ifname), link);
});

test('features that are not provided are refused rather than ignored', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 vlan0 tag=5 -- set Interface vlan0 type=internal',
    'add-bond br0 bond0 b0 b1',
    'add-port br0 good0 -- set Interface good0 type=internal',
    'add-br br1 -- set Bridge br1 datapath_type=netdev',
    'add-br br2 -- set Bridge br2 datapath_type=foo',
  ]);
  await check(t, lab, {
    ...(kernelHas('bridge VLAN filtering') ? {} : { vlan0: /would join every VLAN/ }),
    ...(kernelHas('bonding') ? {} : { b0: /this kernel has no bonds/ }),
    br1: /use datapath_type=system/,
    br2: /unknown datapath type foo/,
  });
  t.is(await lab.host.has('vlan0'), kernelHas('bridge VLAN filtering'));
});

test('numbers and names beyond all bounds are told of, and nothing else suffers', async (t) => {
  const lab = await Lab.start(t);
  await lab.host.ip('link add veth0 type veth peer name veth1');
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 huge0 -- set Interface huge0 type=internal mtu_request=4294967296',
    'add-port br0 veth0 -- set Interface veth0 mtu_request=9223372036854775807',
    `add-port br0 tap0 -- set Interface tap0 type=tap options:owner=${'x'.repeat(256)}`,
    'set Bridge br0 stp_enable=true other_config:stp-priority=99999999999999999999',
    'set Interface huge0 ingress_policing_rate=9223372036854775807 ingress_policing_kpkts_rate=9223372036854775807',
    'set Port veth0 qos=@q -- --id=@q create QoS type=linux-fq_codel other_config:limit=99999999999',
    'add-port br0 good0 -- set Interface good0 type=internal',
  ]);
  for (const name of ['huge0', 'veth0']) {
    t.regex(await lab.get('Interface', name, 'error'), /could not set the MTU of/, name);
    t.true(Number(await lab.get('Interface', name, 'ofport')) > 0, name);
  }
  await check(t, lab, { tap0: /names no user of this host/ });
});

test('names that the switch has given to its own devices are told for what they are', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 good0 -- set Interface good0 type=internal',
    'add-port br0 sw-br0',
    'add-port br0 to-br0',
    'add-port br0 to-good0 -- set Interface to-good0 type=tap',
    'add-port br0 to-br1 -- set Interface to-br1 type=tap',
  ]);
  t.is(await lab.get('Interface', 'to-br1', 'error'), '[]');
  await lab.vsctl('add-br', 'br1');
  await check(t, lab, {
    'sw-br0': /made for something else \(Open vSwitch bridge br0\)/,
    'to-br0': /made for something else \(Open vSwitch port br0\)/,
    'to-good0': /made for something else \(Open vSwitch port good0\)/,
    'to-br1': /made for something else \(Open vSwitch port br1\)/,
  });
  t.is(await lab.get('Interface', 'br1', 'error'), '[]');
  await lab.vsctl('del-br', 'br1');
  t.is(await lab.get('Interface', 'to-br1', 'error'), '[]');
});

test('the device of an internal port that was renamed is told, and how to undo that', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctlAll(['add-br br0', 'add-port br0 int0 -- set Interface int0 type=internal']);
  const number = await lab.get('Interface', 'int0', 'ofport');
  await lab.host.ip('link set int0 name other0');
  await lab.await('Interface', 'int0', 'error', /has been renamed to other0: ip link set other0 name int0 /);
  await lab.host.ip('link set other0 name int0');
  await lab.await('Interface', 'int0', 'error', '[]');
  t.is(await lab.get('Interface', 'int0', 'ofport'), number);
});

test("a bridge whose own port cannot be says so even without that port's row", async (t) => {
  const lab = await Lab.start(t);
  await lab.host.ip('link add br0 type veth peer name other0');
  await lab.vsctl('add-br', 'br0', '--', 'clear', 'Bridge', 'br0', 'ports');
  t.regex(await lab.get('Bridge', 'br0', 'status'), /could not add network device br0 to ofproto \(File exists\)/);
  await lab.host.ip('link del br0');
  await lab.await('Bridge', 'br0', 'status', '{}');
  await lab.host.ip('link set br0 name other0');
  await lab.await('Bridge', 'br0', 'status', /has been renamed to other0/);
  await lab.vsctl('set', 'Open_vSwitch', '.', 'external_ids:look=again');
  t.regex(await lab.get('Bridge', 'br0', 'status'), /has been renamed to other0/);
});

test('values of any length and with any characters make short sentences, and one line of the log each', async (t) => {
  const lab = await Lab.start(t);
  const key = `\n2026-01-01T00:00:00Z|00001|bridge|ERR|forged\u001b[2J ${'x'.repeat(10_000)}`;
  const options = ['type=vxlan', 'options:remote_ip=192.0.2.1', `options:key=${JSON.stringify(key)}`];
  await lab.vsctl('add-br', 'br0', '--', 'add-port', 'br0', 'vx0', '--', 'set', 'Interface', 'vx0', ...options);
  const error = await lab.get('Interface', 'vx0', 'error');
  t.regex(error, /^"vx0: bad vxlan 'key': .* … .* is no number from 0 to 16777215"$/);
  t.true(error.length < 1100, `${error.length}`);
  const lines = lab.log.split('\n').filter((line) => line.includes('forged'));
  t.true(lines.length > 0);
  for (const line of lines) {
    t.regex(line, /\|WARN\|vx0: bad vxlan 'key': "\\n2026.*forged\\u001b\[2J/);
    t.true(line.length < 1100, `${line.length}`);
  }
});

test('a device may be too small for IPv6, and be followed', async (t) => {
  const lab = await Lab.start(t);
  await lab.host.ip('link add nic0 type veth peer name nic1');
  await lab.vsctlAll(['add-br br0', 'add-port br0 nic0 -- set Interface nic0 mtu_request=1000']);
  await lab.vsctlAll([
    'add-port br0 int0 -- set Interface int0 type=internal',
    'add-port br0 tap0 -- set Interface tap0 type=tap mtu_request=900',
  ]);
  await lab.assertSettled();
  t.notRegex(lab.log, /\|WARN\|/);
  t.is((await lab.host.link('int0')).mtu, 900);
  await lab.vsctlAll(['set Interface nic0 mtu_request=1500', 'set Interface tap0 mtu_request=1500']);
  // The kernel bridge becomes larger by itself, which the switch hears of.
  for (const name of ['to-int0', 'tap0', 'sw-br0']) {
    const isMute = async (): Promise<boolean> =>
      /mtu 1500 .* addrgenmode none/s.test(await lab.host.ip(`-d link show ${name}`));
    await until(`${name} has its MTU, and no IPv6 address`, isMute);
  }
  await lab.assertSettled();
});

test('a database whose counter of configurations is large is followed', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctl('--no-wait', 'set', 'Open_vSwitch', '.', 'next_cfg=9223372036854775800');
  await lab.vsctl('add-br', 'br0');
  t.is(await lab.get('Open_vSwitch', '.', 'cur_cfg'), '9223372036854775801');
});

test('a port goes from one bridge to another, and from one type to another', async (t) => {
  const lab = await Lab.start(t);
  await lab.host.ip('link add veth0 type veth peer name veth1');
  await lab.vsctlAll([
    'add-br br0',
    'add-br br1',
    'add-port br0 veth0',
    'add-port br0 p0 -- set Interface p0 type=internal',
  ]);
  await lab.vsctlAll([
    'del-port veth0',
    'del-port p0',
    'add-port br1 veth0',
    'add-port br1 p0 -- set Interface p0 type=tap',
  ]);
  t.is((await lab.host.link('veth0')).master, 'sw-br1');
  t.is((await lab.host.link('p0')).linkinfo?.info_kind, 'tun');
  t.is(await lab.get('Interface', 'p0', 'error'), '[]');
  await lab.vsctl('set', 'Interface', 'p0', 'type=internal');
  t.is((await lab.host.link('p0')).linkinfo?.info_kind, 'veth');
  await lab.assertSettled();
});

test("a tap's options change when no program has it open, and wait when one has", async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctlAll(['add-br br0', 'add-port br0 tap0 -- set Interface tap0 type=tap options:vnet_hdr=true']);
  const details = async () => (await lab.host.link('tap0')).linkinfo?.info_data;
  t.like(await details(), { type: 'tap', vnet_hdr: true, multi_queue: false, persist: true });
  await lab.vsctl('set', 'Interface', 'tap0', 'options:multi_queue=true', 'options:owner=65534', 'options:group=1');
  t.like(await details(), { vnet_hdr: true, multi_queue: true, user: 'nobody', group: 'daemon' });
  const holder = await lab.holdTap('tap0', 0x0100);
  await lab.vsctl('set', 'Interface', 'tap0', 'options:multi_queue=false');
  t.regex(await lab.get('Interface', 'tap0', 'error'), /while a program has it open/);
  t.not(await lab.get('Interface', 'tap0', 'ofport'), '-1', 'it works as it was');
  await holder.release();
  await lab.await('Interface', 'tap0', 'error', '[]');
  t.like(await details(), { multi_queue: false });
});

test('ofport requests are honoured, and numbers stay', async (t) => {
  const lab = await Lab.start(t);
  const ofports = async (...names: string[]): Promise<string> => {
    return (await Promise.all(names.map((name) => lab.get('Interface', name, 'ofport')))).join(' ');
  };
  await lab.vsctlAll([
    'add-br br0',
    'add-port br0 p1 -- set Interface p1 type=internal',
    'add-port br0 p2 -- set Interface p2 type=internal ofport_request=12',
    'add-port br0 p3 -- set Interface p3 type=internal ofport_request=12',
  ]);
  t.regex(await ofports('br0', 'p1', 'p2', 'p3'), /^65534 1 (12 2|2 12)$/);
  await lab.vsctl('clear', 'Interface', 'p3', 'ofport_request');
  await lab.vsctl('set', 'Interface', 'p1', 'ofport_request=2');
  t.regex(await ofports('p1'), /^2$/);
  await lab.vsctl('del-port', 'p1');
  const rest = await ofports('p2', 'p3');
  await lab.vsctl('add-port', 'br0', 'p4', '--', 'set', 'Interface', 'p4', 'type=internal');
  t.is(await ofports('p2', 'p3'), rest);
});
