import test from 'ava';
import { defaultLocalAddress, deviceAddress, hiddenAddress, isGlobal } from '../../datapath-linux/mac.ts';
import {
  bridgeDevice,
  isDeviceName,
  mtuMark,
  outerDevice,
  readMarks,
  takenMark,
  upMark,
} from '../../datapath-linux/names.ts';

test('devices of the switch are named after the port, and names stay within 15 bytes and apart', (t) => {
  t.is(bridgeDevice('br0'), 'sw-br0');
  t.is(outerDevice('int0'), 'to-int0');
  const long = ['tap12345678abcd', 'tap12345678abce', 'ünïcode-pört', 'twelve-chars'];
  for (const name of long) t.true(isDeviceName(outerDevice(name)), outerDevice(name));
  t.is(new Set(long.map(outerDevice)).size, long.length);
  t.is(outerDevice('twelve-chars'), 'to-twelve-chars');
});

test('what the kernel takes for a device name', (t) => {
  for (const name of ['a', 'br-int', 'fifteen-chars-x', 'ünï']) t.true(isDeviceName(name), name);
  for (const name of ['', '.', '..', 'a/b', 'a b', 'a:b', 'p%d', 'sixteen-chars-xx', 'üüüüüüüü', 'a\0']) {
    t.false(isDeviceName(name), name);
  }
});

test('marks are told from other names, and remember the MTU and that the device was up', (t) => {
  const marks = [takenMark(7), mtuMark(7, 1700)];
  t.deepEqual(readMarks(['enp3s0', ...marks, 'openvswitch.port']), { marks, mtu: 1700, wasUp: false });
  t.deepEqual(readMarks([upMark(7)]), { marks: [upMark(7)], mtu: undefined, wasUp: true });
  t.deepEqual(readMarks([]), { marks: [], mtu: undefined, wasUp: false });
});

test('addresses that a device can have', (t) => {
  t.is(deviceAddress('AA:bb:cc:dd:ee:f0'), 'aa:bb:cc:dd:ee:f0');
  for (const text of [undefined, '', 'aa:bb', '01:00:5e:00:00:01', '00:00:00:00:00:00'])
    t.is(deviceAddress(text), undefined);
  t.true(isGlobal('00:16:3e:00:00:01'));
  for (const text of ['', '02:00:00:00:00:01', '00:00:00:00:00:00', '01:00:5e:00:00:01']) t.false(isGlobal(text), text);
});

test("a bridge's addresses come from its row, the first as the C daemon derives it", (t) => {
  const uuid = '5fcd47c2-2b2d-40ce-9a8c-83eeeedfa981';
  t.is(defaultLocalAddress(uuid), 'c2:47:cd:5f:ce:40');
  t.is(defaultLocalAddress('61b52517-995e-41f1-b2ef-a8eeae3893e7'), '16:25:b5:61:f1:41');
  t.is(hiddenAddress(uuid), '82:ee:ee:df:a9:81');
});
