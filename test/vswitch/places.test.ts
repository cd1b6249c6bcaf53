import test from 'ava';
import { places, type User } from '../../vswitch/places.ts';

const root: User = { root: true, home: '/root', mayWrite: () => true };
const user: User = { root: false, home: '/home/u', mayWrite: (folder) => folder === '/run/user/1000' };

test("root's files are where Open vSwitch has them", (t) => {
  t.deepEqual(places(root, {}), {
    database: '/etc/openvswitch/conf.db',
    run: '/var/run/openvswitch',
    socket: '/var/run/openvswitch/db.sock',
  });
});

test('the OVS_* variables move them, for everybody', (t) => {
  for (const each of [root, user]) {
    const env = { OVS_RUNDIR: '/r', OVS_DBDIR: '/d', OVS_SYSCONFDIR: '/s', XDG_RUNTIME_DIR: '/run/user/1000' };
    t.deepEqual(places(each, env), { database: '/d/conf.db', run: '/r', socket: '/r/db.sock' });
    t.is(places(each, { OVS_SYSCONFDIR: '/s' }).database, '/s/openvswitch/conf.db');
  }
});

test("a user's files are in folders of their own", (t) => {
  t.deepEqual(places(user, { XDG_RUNTIME_DIR: '/run/user/1000', XDG_STATE_HOME: '/state' }), {
    database: '/state/openvswitch/conf.db',
    run: '/run/user/1000/openvswitch',
    socket: '/run/user/1000/openvswitch/db.sock',
  });
});

test('without a run directory of their own, or with one that is not theirs, the state folder holds the socket', (t) => {
  for (const XDG_RUNTIME_DIR of [undefined, '', 'relative', '/run/user/0']) {
    t.is(places(user, { XDG_RUNTIME_DIR }).socket, '/home/u/.local/state/openvswitch/run/db.sock');
  }
});
