/** What is said in the name of learned addresses when a bond turns to another member. */
import test from 'ava';
import { learningPacket, learningPackets } from '../../datapath-linux/learning-packets.ts';
import type { BridgeEntry } from '../../datapath-linux/netlink/forwarding.ts';
import { SystemPort } from '../../datapath-linux/port/system.ts';
import { type ColumnValues, interfaceRow, portRow } from '../helpers/rows.ts';

const address = '02:00:00:00:00:05';
const body = '8035 0001 0800 06 04 0003 020000000005 00000000 020000000005 00000000'.replaceAll(' ', '');

test('a learning packet is a request of RARP to everyone, from the address and about it', (t) => {
  t.is(learningPacket(address, 0).toString('hex'), `ffffffffffff020000000005${body}`);
  t.is(learningPacket(address, 0x123).toString('hex'), `ffffffffffff02000000000581000123${body}`);
});

const entry = (columns: Partial<BridgeEntry>): BridgeEntry => ({
  address,
  vlan: 0,
  static: false,
  ifindex: 7,
  local: false,
  age: 0,
  ...columns,
});

/** The tags, or 0, of what is sent out of a port with these columns for addresses of VLANs 0, 10 and 20. */
function tags(columns: ColumnValues): number[] {
  const port = new SystemPort(interfaceRow('a'), portRow('a', {}, columns));
  const entries = [4000, 10, 20].map((vlan) => entry({ vlan }));
  const others = [entry({ ifindex: 3 }), entry({ local: true })];
  return learningPackets(port, 3, [...entries, ...others], 4000).map((frame) =>
    frame.readUInt16BE(12) === 0x8100 ? frame.readUInt16BE(14) : 0,
  );
}

test('they bear the VLANs that the port carries, as it carries them, and speak for what is elsewhere', (t) => {
  t.deepEqual(tags({}), [0, 10, 20]);
  t.deepEqual(tags({ trunks: [20] }), [20]);
  t.deepEqual(tags({ tag: 10 }), [0]);
  t.deepEqual(tags({ tag: 10, vlan_mode: 'native-untagged', trunks: [20] }), [0, 20]);
});
