import test from 'ava';
import { explainStartError } from '../../vswitch/start-error.ts';

const places = { database: '/etc/openvswitch/conf.db', run: '/run/ovs', socket: '/run/ovs/db.sock' };
const systemError = (code: string): Error => Object.assign(new Error(`${code}: something`), { code });

for (const [error, expected] of [
  [new Error('/x: cannot lock file because it is already locked by pid 77'), /process 77, has .*conf\.db open/],
  [new Error('/x/ovs-vswitchd.pid: already running as pid 7, aborting'), /ovs-vswitchd runs already, as process 7,/],
  [new Error('/x: is a clustered database of the C server'), /--database \/etc\/openvswitch\/vswitch\.db/],
  [systemError('EACCES'), /\/etc\/openvswitch\/conf\.db, or a socket in \/run\/ovs, cannot be made by this user/],
  [new Error('unable to open', { cause: systemError('SQLITE_CANTOPEN') }), /cannot be made by this user/],
  [systemError('ECONNREFUSED'), /\/run\/ovs\/db\.sock: is that a file which is no socket/],
  [systemError('EADDRINUSE'), /listens there already/],
] as const) {
  test(`says what to do about: ${error.message}`, (t) => {
    const text = explainStartError(error, places);
    t.regex(text, expected);
    t.true(text.includes(error.message));
  });
}

test('passes on what it does not know', (t) => {
  t.is(explainStartError(new Error('what is this'), places), 'what is this');
});
