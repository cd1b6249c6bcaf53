/** What this switch does not provide is told to those who ask for it, and nobody waits in vain. */
import { Lab } from '../helpers/lab.ts';
import { rootTest as test } from '../helpers/netns.ts';

test('features that have a status to wait for are refused in one sentence, and the port works', async (t) => {
  const lab = await Lab.start(t);
  await lab.host.ip('link add p0 type veth peer name q0');
  await lab.vsctlAll(['add-br br0', 'add-port br0 p0', 'set Interface p0 bfd:enable=true cfm_mpid=5']);
  t.is(
    await lab.get('Interface', 'p0', 'error'),
    '"p0 works without bidirectional forwarding detection (bfd) and connectivity fault management (cfm_mpid), which this switch does not provide"',
  );
  t.is(await lab.get('Interface', 'p0', 'ofport'), '1');
  await lab.vsctl('set', 'Interface', 'p0', 'bfd:enable=false', 'cfm_mpid=[]');
  t.is(await lab.get('Interface', 'p0', 'error'), '[]');
});

test('a controller is never connected, and says why', async (t) => {
  const lab = await Lab.start(t);
  await lab.vsctlAll(['add-br br0', 'set-controller br0 tcp:127.0.0.1:1']);
  t.is(await lab.vsctl('--bare', '--columns=is_connected', 'list', 'Controller'), 'false');
  t.is(
    await lab.vsctl('--columns=status', '-f', 'csv', '--no-headings', 'list', 'Controller'),
    '"{last_error=""OpenFlow is not provided"", state=VOID}"',
  );
  t.is(
    await lab.get('Bridge', 'br0', 'status'),
    '{error="br0 works without OpenFlow (controller), which this switch does not provide"}',
  );
  await lab.vsctl('del-controller', 'br0');
  t.is(await lab.get('Bridge', 'br0', 'status'), '{}');
  await lab.assertSettled();
});

test('what changes nothing that can be waited for is accepted without a word', async (t) => {
  const lab = await Lab.start(t);
  await lab.host.ip('link add p0 type veth peer name q0');
  await lab.vsctlAll([
    'add-br br0',
    'set Bridge br0 fail_mode=secure protocols=OpenFlow13 other_config:disable-in-band=true',
    'add-port br0 p0',
    'set Interface p0 bfd:min_tx=100 lldp:enable=false external_ids:iface-id=a',
  ]);
  t.is(await lab.get('Interface', 'p0', 'error'), '[]');
  t.is(await lab.get('Bridge', 'br0', 'status'), '{}');
  t.notRegex(lab.log, /\|WARN\|/);
});
