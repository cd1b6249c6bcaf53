/** What is told of the host: read from the kernel's texts, and told only to those who ask. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { diskMounts, memoryOf, processTimes, readHostStatistics } from '../../datapath-linux/host-statistics.ts';
import { Lab } from '../helpers/lab.ts';
import { rootTest } from '../helpers/netns.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('memory is total, used, given back on demand, swap, and swap used, in KiB', (t) => {
  const meminfo =
    'MemTotal:  1000 kB\nMemFree:  300 kB\nMemAvailable: 9 kB\nBuffers: 20 kB\nCached: 30 kB\nSwapCached: 5 kB\nSwapTotal: 64 kB\nSwapFree: 60 kB\n';
  t.is(memoryOf(meminfo), '1000,700,50,64,4');
});

test('disks that can be written to count, with the spaces in their places', (t) => {
  const mounts =
    '/dev/vda / ext4 rw,relatime 0 0\n/dev/sr0 /cd iso9660 ro 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/sdb1 /mnt/my\\040disk ext4 nodev,rw 0 0\n';
  t.deepEqual(diskMounts(mounts), ['/', '/mnt/my disk']);
});

test('a process may have any name, and is as old as its start says', (t) => {
  const fields = [
    'S',
    '7',
    ...Array.from({ length: 9 }, () => '0'),
    '150',
    '50',
    '0',
    '0',
    '20',
    '0',
    '1',
    '0',
    '1000',
  ];
  t.deepEqual(processTimes(`42 (a) b (c)) ${fields.join(' ')} 1 2`, 12.5), { parent: 7, used: 2000, age: 2500 });
  t.is(processTimes('', 1), undefined);
});

test('processes with a pid file are told of by its name, those that are gone without numbers', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'ovs-test.pid'), `${process.pid}\n`);
  writeFileSync(join(folder, 'gone.pid'), '4194305\n');
  const told = readHostStatistics(folder);
  t.is(told.get('cpu'), String(cpus().length));
  t.regex(told.get('load_average') ?? '', /^\d+\.\d\d,\d+\.\d\d,\d+\.\d\d$/);
  t.regex(told.get('memory') ?? '', /^\d+,\d+,\d+,\d+,\d+$/);
  t.is(told.get('process_gone'), '');
  const [size = 0, resident = 0, used = 0, crashes, first, last = 0] = (told.get('process_ovs-test') ?? '')
    .split(',')
    .map(Number);
  t.true(size > resident && resident > 0 && used > 0 && last > 0);
  t.deepEqual([crashes, first], [0, last]);
});

rootTest('the host is told of while other_config asks for it', async (t) => {
  const lab = await Lab.start(t);
  t.is(await lab.get('Open_vSwitch', '.', 'statistics'), '{}');
  await lab.vsctl('set', 'Open_vSwitch', '.', 'other_config:enable-statistics=true');
  t.regex(await lab.get('Open_vSwitch', '.', 'statistics'), /^\{cpu="\d+", .*load_average="[\d.,]+", memory="[\d,]+"/);
  await lab.vsctl('set', 'Open_vSwitch', '.', 'other_config:enable-statistics=false');
  t.is(await lab.get('Open_vSwitch', '.', 'statistics'), '{}');
});
