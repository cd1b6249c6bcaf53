import { execFile } from 'node:child_process';
import { projectFile, projectProgram } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer } from '../helpers/server-process.ts';

/** Runs a command line in which `%` is a byte that no UTF-8 has, and gives the bytes that it prints. */
const run = (program: readonly string[], line: string): Promise<string> =>
  new Promise((resolve) => {
    const script = `"$@" ${line.replaceAll('%', '"$(printf "\\377")"')}`;
    execFile('sh', ['-c', script, 'sh', ...program], { encoding: 'latin1' }, (error, stdout, stderr) =>
      resolve(`${stdout}${stderr.replace(/^\S+Z\|\d+\|/gm, '')}${error?.code ?? 0}`),
    );
  });

testRequiring(cPrograms())('what is not UTF-8 in arguments is told, and refused, as by the C program', async (t) => {
  const { target } = await startCServer(t, projectFile('schema/vswitch.ovsschema'));
  const options = [`--db=${target}`, '--no-wait'];
  const ours = [process.execPath, projectProgram('ovs-vsctl'), ...options];
  const theirs = ['ovs-vsctl', ...options];
  await run(theirs, 'add-br br0');
  for (const line of [
    'get Bridge a%b name',
    'br-exists a%b',
    'add-br a%b',
    '--may-exist add-br a%b',
    'add-port br0 %',
    'br-set-external-id br0 % a',
    'br-set-external-id br0 a %',
    'del-port %',
    'destroy Bridge %',
    'list a%b',
    'list Bridge a%',
    '%',
    '--%',
    'br-to-vlan a%b',
    'get Bridge br0 a%b',
    'get Bridge br0 external_ids:%',
    'set Bridge br0 external_ids:a=%',
    'set Bridge br0 external_ids:%=a',
    `set Bridge br0 external_ids:a="$(printf '\\303(')"`,
    `set Bridge br0 external_ids:a="$(printf '\\342\\202')"`,
    `set Bridge br0 external_ids:a="$(printf '\\355\\240\\200')"`,
    'find Bridge name=%',
    'wait-until Bridge br0 name=%',
    'add Bridge br0 external_ids a=%',
    'create QoS type=%',
  ]) {
    t.is(await run(ours, line), await run(theirs, line), line);
  }
});
