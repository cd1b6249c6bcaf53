import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client } from '../../rpc/client.ts';
import { Lab } from '../helpers/lab.ts';
import { projectFile } from '../helpers/project.ts';
import { python, pythonLibrary } from '../helpers/python.ts';
import { cPrograms, program, root, testRequiring } from '../helpers/requires.ts';
import { startServer } from '../helpers/server-process.ts';

const run = promisify(execFile);
const database = 'Open_vSwitch';

const clients = 20;
const increments = 50;

testRequiring(cPrograms(), pythonLibrary())(
  'twenty clients of the Python library increment one number a thousand times, exactly',
  async (t) => {
    t.timeout(240_000);
    const server = await startServer(t, projectFile('schema/vswitch.ovsschema'));
    const client = await Client.connect(server.target);
    t.teardown(() => client.close());
    await client.transact(database, [{ op: 'insert', table: 'Open_vSwitch', row: {} }]);
    const script = projectFile('test/fixtures/increment.py');
    await Promise.all(
      Array.from({ length: clients }, () =>
        run(python, [script, server.target, String(increments)], { timeout: 200_000 }),
      ),
    );
    const where: never[] = [];
    const [result] = await client.transact(database, [
      { op: 'select', table: 'Open_vSwitch', where, columns: ['next_cfg'] },
    ]);
    t.deepEqual(result, { rows: [{ next_cfg: clients * increments }] });
  },
);

testRequiring(
  cPrograms(),
  program('ovs-vswitchd', 'openvswitch-switch'),
  root(),
)('the C ovs-vswitchd runs its userspace switch on our database', async (t) => {
  const lab = await Lab.start(t, { server: 'ours', daemon: 'c' });
  const bridge = ['add-br', 'br0', '--', 'set', 'Bridge', 'br0', 'datapath_type=netdev'];
  const internal = ['add-port', 'br0', 'int0', '--', 'set', 'Interface', 'int0', 'type=internal'];
  const tunnel = [
    'add-port',
    'br0',
    'vx0',
    '--',
    'set',
    'Interface',
    'vx0',
    'type=vxlan',
    'options:remote_ip=192.0.2.1',
  ];
  await lab.vsctl(...bridge, '--', ...internal, '--', ...tunnel);
  t.regex(await lab.vsctl('get', 'Interface', 'int0', 'ofport'), /^[1-9]\d*$/);
  t.true(await lab.host.has('br0'));
  t.true(await lab.host.has('int0'));
  await lab.host.ip('link add e0 type veth peer name e1');
  await lab.host.ip('link add f0 type veth peer name f1');
  await lab.vsctl('add-bond', 'br0', 'bond0', 'e0', 'f0', 'bond_mode=active-backup');
  t.regex(await lab.vsctl('get', 'Interface', 'e0', 'ofport'), /^[1-9]\d*$/);
  await lab.vsctl('del-br', 'br0');
  t.false(await lab.host.has('int0'));
  t.is(await lab.vsctl('list-br'), '');
});
