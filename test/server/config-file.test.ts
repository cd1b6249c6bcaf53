/** The configuration file: what is read from it, and how faults in it are told. */
import { writeFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { ConfigurationError, parseConfiguration } from '../../server/config-file.ts';
import { DaemonFolder } from '../helpers/daemon-folder.ts';
import { projectFile } from '../helpers/project.ts';

const faults = (t: ExecutionContext, text: string): readonly string[] => {
  const error = t.throws(() => parseConfiguration(text), { instanceOf: ConfigurationError });
  return error instanceof ConfigurationError ? error.messages : [];
};

test('remotes and databases are read with their settings', (t) => {
  const { remotes, databases } = parseConfiguration(`{
    "remotes": {
      "punix:db.sock": null,
      "ptcp:6640": {"inactivity-probe": 1500, "dscp": 48, "max-backoff": 4000, "read-only": true, "role": "viewer"}
    },
    "databases": {
      "conf.db": {"service-model": "standalone"},
      "other.db": null,
      "OVN_Southbound": {"service-model": "relay", "source": {"tcp:1.2.3.4:6642": null}},
      "nb.db": {
        "service-model": "active-backup", "backup": true,
        "source": {"tcp:1.2.3.4:6641": {"inactivity-probe": 0, "max-backoff": 2000}}, "exclude-tables": ["OVN_Northbound:ACL"]
      }
    }
  }`);
  t.deepEqual(
    [...remotes],
    [
      ['punix:db.sock', {}],
      ['ptcp:6640', { probeInterval: 1500, maxBackoff: 4000, readOnly: true, role: 'viewer' }],
    ],
  );
  const none = { source: undefined, sourceSettings: {}, backup: false, excludedTables: [] };
  t.deepEqual(databases, [
    { ...none, name: 'conf.db', model: 'standalone' },
    { ...none, name: 'other.db', model: undefined },
    { ...none, name: 'OVN_Southbound', model: 'relay', source: 'tcp:1.2.3.4:6642' },
    {
      name: 'nb.db',
      model: 'active-backup',
      source: 'tcp:1.2.3.4:6641',
      sourceSettings: { probeInterval: 0, maxBackoff: 2000 },
      backup: true,
      excludedTables: ['OVN_Northbound:ACL'],
    },
  ]);
  t.deepEqual(parseConfiguration('{}'), { remotes: new Map(), databases: [] });
});

test('a fault is told with its place', (t) => {
  t.deepEqual(faults(t, '{"remotes": {"punix:x": {}},\n "databases": {"a" 5}}'), [
    "config: reading JSON failed (line 1, column 20, byte 49: syntax error parsing object expecting ':')",
  ]);
  t.deepEqual(faults(t, ''), ['config: reading JSON failed (line 0, column 0, byte 0: empty input stream)']);
  t.deepEqual(faults(t, '[]'), ['configuration in a file must be a JSON object']);
});

test('what is well-formed and means nothing is refused', (t) => {
  const remotes = "config: failed to parse 'remotes'";
  const databases = "config: failed to parse 'databases'";
  t.deepEqual(faults(t, '{"remotes": []}'), ["config: 'remotes' is not a JSON object", remotes]);
  t.deepEqual(faults(t, '{"remotes": {"ptcp:1": 5}}'), [
    'syntax error: ptcp:1: JSON-RPC options are not a JSON object or null',
    remotes,
  ]);
  t.regex(faults(t, '{"remotes": {"ptcp:1": {"nope": 5}}}')[0] ?? '', /'nope' is present but not allowed here/);
  t.deepEqual(faults(t, '{"databases": []}'), ["config: 'databases' is not a JSON object or null", databases]);
  t.regex(faults(t, '{"databases": {"a": {"service-model": "x"}}}')[0] ?? '', /'x' is not a valid service model/);
  t.regex(
    faults(t, '{"databases": {"a": {"service-model": "relay"}}}')[0] ?? '',
    /Required 'source' member is missing/,
  );
  const two = '{"databases": {"a": {"service-model": "relay", "source": {"tcp:1:2": null, "tcp:3:4": null}}}}';
  t.regex(faults(t, two)[0] ?? '', /'source' should be an object with exactly one element/);
  const role = '{"databases": {"a": {"service-model": "relay", "source": {"tcp:1:2": {"role": "x"}}}}}';
  t.regex(faults(t, role)[0] ?? '', /JSON-RPC options of tcp:1:2 failed: Member 'role' is present but not allowed/);
});

test.serial('a server follows its file, and keeps what it has when the file is at fault', async (t) => {
  const folder = new DaemonFolder(t);
  const write = (configuration: unknown) => writeFileSync(folder.file('conf.json'), JSON.stringify(configuration));
  const appctl = async (command: string, ...args: readonly string[]) => {
    const ran = await folder.appctl('ours', '-t', 'ovsdb-server', `ovsdb-server/${command}`, ...args);
    return ran.stdout || (ran.stderr.split('\n')[0] ?? '');
  };
  for (const name of ['tables', 'references']) {
    const made = await folder.run('ours', 'ovsdb-tool', 'create', `${name}.db`, schemaFile(name));
    t.is(made.code, 0, made.stderr);
  }
  write({ remotes: { 'punix:one.sock': {} }, databases: { 'tables.db': {} } });
  const background = ['-vconsole:off', '--pidfile', '--detach', '--log-file'];
  t.is((await folder.run('ours', 'ovsdb-server', ...background, '--config-file=conf.json')).code, 0);
  t.is(await appctl('list-dbs'), '_Server\ntables\n');
  t.is(await appctl('list-remotes'), 'punix:one.sock\n');
  const refused = `Update the ${folder.file('conf.json')} and use ovsdb-server/reload instead`;
  t.is(await appctl('add-remote', 'punix:two.sock'), refused);
  t.is(await appctl('remove-db', 'tables'), refused);

  write({ remotes: { 'punix:two.sock': null }, databases: { 'tables.db': null, 'references.db': null } });
  t.is(await appctl('reload'), '');
  t.is(await appctl('list-dbs'), '_Server\nreferences\ntables\n');
  t.is(await appctl('list-remotes'), 'punix:two.sock\n');
  t.false(folder.has('one.sock'));

  writeFileSync(folder.file('conf.json'), '{"remotes": }');
  t.is(await appctl('reload'), 'Configuration failed.  See the log file for details.');
  t.regex(folder.read('ovsdb-server.log'), /\|WARN\|config: reading JSON failed \(line 0, column 12, byte 12: .*\)\n/);
  t.is(await appctl('list-dbs'), '_Server\nreferences\ntables\n');

  write({ remotes: { 'punix:two.sock': null }, databases: { 'references.db': { 'service-model': 'standalone' } } });
  t.is(await appctl('reload'), '');
  t.is(await appctl('list-dbs'), '_Server\nreferences\n');
  await folder.appctl('ours', '-t', 'ovsdb-server', 'exit');
});

const schemaFile = (name: string): string => projectFile(`test/cases/schemas/${name}.ovsschema`);

test.serial('without its file a server does not start', async (t) => {
  const folder = new DaemonFolder(t);
  const run = (...args: readonly string[]) => folder.run('ours', 'ovsdb-server', '--unixctl=none', ...args);
  const missing = await run('--config-file=nope.json');
  t.is(missing.code, 1);
  t.regex(missing.stderr, /\|ERR\|failed to open configuration file '.*nope\.json': No such file or directory\n/);
  t.regex(missing.stderr, /\novsdb-server: server configuration failed: failed to open configuration file '.*\n$/);
  const both = await run('--config-file=x', '--remote=punix:x');
  t.like(both, { code: 1, stderr: 'ovsdb-server: --config-file is mutually exclusive with --remote\n' });
  const database = await run('--config-file=x', 'x.db');
  t.like(database, { code: 1, stderr: 'ovsdb-server: Databases should be specified in a config file\n' });
});
