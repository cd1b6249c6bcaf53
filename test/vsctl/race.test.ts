import type { ExecutionContext } from 'ava';
import { splitWords } from '../helpers/command-lines.ts';
import { projectFile } from '../helpers/project.ts';
import { cPrograms, testRequiring } from '../helpers/requires.ts';
import { startCServer, startServer } from '../helpers/server-process.ts';
import { TestDatabase } from './database.ts';
import { interpose, type Operations } from './interposer.ts';
import { vsctl } from './subject.ts';

const schema = projectFile('schema/vswitch.ovsschema');

/** What another client does between a run's reading and its committing, and what must have come of both. */
interface Race {
  readonly before: readonly string[];
  readonly run: string;
  readonly meanwhile: string;
  /** What the run prints, and how it ends unless well. */
  readonly prints?: string;
  /** What is asked afterwards, with the answer. */
  readonly afterwards: readonly [command: string, answer: string];
}

const isCommit = (operations: Operations): boolean => operations.some(({ op }) => op === 'comment');

const run = async (target: string, line: string): Promise<string> => {
  const { stdout, stderr, exit } = await vsctl([`--db=${target}`, '--no-wait', ...splitWords(line)]);
  return `${stdout}${stderr}${exit === 0 ? '' : `exit ${exit}\n`}`;
};

/** The server that all races are run on, one after another. */
class Track {
  readonly #target: string;
  readonly #socket: string;
  readonly #database: TestDatabase;

  private constructor(target: string, socket: string, database: TestDatabase) {
    this.#target = target;
    this.#socket = socket;
    this.#database = database;
  }

  static async open(t: ExecutionContext, start: typeof startServer): Promise<Track> {
    const { target, socket } = await start(t, schema);
    const database = await TestDatabase.connect(target);
    t.teardown(() => database.close());
    return new Track(target, socket, database);
  }

  async run(
    t: ExecutionContext,
    title: string,
    { before, run: line, meanwhile, prints = '', afterwards: [question, answer] }: Race,
  ): Promise<void> {
    const { printed, interfered } = await this.#interrupt(t, before, line, meanwhile, isCommit);
    t.is(printed, prints, title);
    t.true(interfered, `${title}: nothing came between`);
    t.is(await run(this.#target, question), answer, title);
  }

  /** The other client comes before each request in turn: what is printed was so before or afterwards. */
  async read(t: ExecutionContext, title: string, { before, run: line, meanwhile, prints }: Reading): Promise<void> {
    for (let at = 0; ; at++) {
      const isDue = (_: Operations, count: number) => count === at;
      const { printed, interfered } = await this.#interrupt(t, before, line, meanwhile, isDue);
      if (!interfered) {
        t.true(at > 1, `${title}: it is read in one step`);
        return;
      }
      t.true(prints.includes(printed), `${title}: ${printed}`);
    }
  }

  /** @param when the request before which the other client gets its way */
  async #interrupt(
    t: ExecutionContext,
    before: readonly string[],
    line: string,
    meanwhile: string,
    when: (operations: Operations, count: number) => boolean,
  ): Promise<{ printed: string; interfered: boolean }> {
    await this.#database.reset();
    for (const each of ['add-br br0', ...before]) await run(this.#target, each);
    let interfered = false;
    let count = 0;
    const between = await interpose(t, this.#socket, async (operations) => {
      if (interfered || !when(operations, count++)) return;
      interfered = true;
      await run(this.#target, meanwhile);
    });
    return { printed: await run(`unix:${between}`, line), interfered };
  }
}

const races: { readonly [title: string]: Race } = {
  'add-br finds that the bridge is there': {
    before: [],
    run: 'add-br br1',
    meanwhile: 'add-br br1',
    prints: 'ovs-vsctl: cannot create a bridge named br1 because a bridge named br1 already exists\nexit 1\n',
    afterwards: ['list-br', 'br0\nbr1\n'],
  },
  '--may-exist add-br finds that the bridge is there': {
    before: [],
    run: '--may-exist add-br br1 -- set Bridge br1 fail_mode=secure',
    meanwhile: 'add-br br1 -- set Bridge br1 other_config:a=b',
    afterwards: ['get Bridge br1 fail_mode other_config', 'secure\n{a=b}\n'],
  },
  'two bridges at once': {
    before: [],
    run: 'add-br br1',
    meanwhile: 'add-br br2',
    afterwards: ['list-br', 'br0\nbr1\nbr2\n'],
  },
  'a fake bridge whose VLAN is taken': {
    before: [],
    run: 'add-br f br0 9',
    meanwhile: 'add-br g br0 9',
    prints: 'ovs-vsctl: bridge br0 already has a child VLAN bridge g on VLAN 9\nexit 1\n',
    afterwards: ['list-br', 'br0\ng\n'],
  },
  'del-br takes a port with it that has just come': {
    before: ['add-br br1'],
    run: 'del-br br1',
    meanwhile: 'add-port br1 p',
    afterwards: ['list Port p', 'ovs-vsctl: no row "p" in table Port\nexit 1\n'],
  },
  'del-br of a fake bridge takes a port with it that has just come': {
    before: ['add-br f br0 9', 'add-port f p1'],
    run: 'del-br f',
    meanwhile: 'add-port f p2',
    afterwards: ['list-ports br0', ''],
  },
  'add-port on a bridge that goes': {
    before: ['add-br br1'],
    run: 'add-port br1 p',
    meanwhile: 'del-br br1',
    prints: 'ovs-vsctl: no bridge named br1\nexit 1\n',
    afterwards: ['list-br', 'br0\n'],
  },
  'add-port of a name that comes elsewhere': {
    before: ['add-br br1'],
    run: 'add-port br0 p',
    meanwhile: 'add-port br1 p',
    prints: 'ovs-vsctl: cannot create a port named p because a port named p already exists on bridge br1\nexit 1\n',
    afterwards: ['port-to-br p', 'br1\n'],
  },
  '--may-exist add-port of a port that comes elsewhere': {
    before: ['add-br br1'],
    run: '--may-exist add-port br0 p',
    meanwhile: 'add-port br1 p',
    prints: 'ovs-vsctl: "--may-exist add-port br0 p" but p is actually attached to bridge br1\nexit 1\n',
    afterwards: ['port-to-br p', 'br1\n'],
  },
  'add-port on a fake bridge that becomes a real one': {
    before: ['add-br f br0 9'],
    run: 'add-port f p',
    meanwhile: 'del-br f -- add-br f',
    afterwards: ['port-to-br p -- get Port p tag', 'f\n[]\n'],
  },
  'del-port of a port that goes': {
    before: ['add-port br0 p'],
    run: 'del-port p',
    meanwhile: 'del-port p',
    prints: 'ovs-vsctl: no port named p\nexit 1\n',
    afterwards: ['list-ports br0', ''],
  },
  'del-port of a port that moves': {
    before: ['add-br br1', 'add-port br0 p'],
    run: 'del-port br0 p',
    meanwhile: 'del-port p -- add-port br1 p',
    prints: 'ovs-vsctl: bridge br0 does not have a port p\nexit 1\n',
    afterwards: ['port-to-br p', 'br1\n'],
  },
  'two ports at once': {
    before: [],
    run: 'add-port br0 p1',
    meanwhile: 'add-port br0 p2',
    afterwards: ['list-ports br0', 'p1\np2\n'],
  },
  'a bond that has lost all its interfaces but one': {
    before: ['add-bond br0 bond0 b0 b1'],
    run: 'del-bond-iface b0',
    meanwhile: 'del-bond-iface b1',
    prints: 'ovs-vsctl: cannot delete last interface from port bond0\nexit 1\n',
    afterwards: ['list-ifaces br0', 'b0\n'],
  },
  'a bond that gains two interfaces at once': {
    before: ['add-bond br0 bond0 b0 b1'],
    run: 'add-bond-iface bond0 b2',
    meanwhile: 'add-bond-iface bond0 b3',
    afterwards: ['list-ifaces br0', 'b0\nb1\nb2\nb3\n'],
  },
  'set of a row that goes': {
    before: ['add-port br0 p'],
    run: 'set Port p tag=1',
    meanwhile: 'del-port p',
    prints: 'ovs-vsctl: no row "p" in table Port\nexit 1\n',
    afterwards: ['list-ports br0', ''],
  },
  '--if-exists set of a row that goes': {
    before: ['add-port br0 p'],
    run: '--if-exists set Port p tag=1',
    meanwhile: 'del-port p',
    afterwards: ['list-ports br0', ''],
  },
  'set of another key of the same map': {
    before: ['set Bridge br0 external_ids:a=1'],
    run: 'set Bridge br0 external_ids:b=2',
    meanwhile: 'set Bridge br0 external_ids:c=3',
    afterwards: ['get Bridge br0 external_ids', '{a="1", b="2", c="3"}\n'],
  },
  'set of what get printed': {
    before: ['set Bridge br0 external_ids:a=1'],
    run: 'get Bridge br0 external_ids:a -- set Bridge br0 external_ids:b=2',
    meanwhile: 'set Bridge br0 external_ids:a=5',
    prints: '"5"\n',
    afterwards: ['get Bridge br0 external_ids', '{a="5", b="2"}\n'],
  },
  'add to a set that has no place left': {
    before: [],
    run: 'add Port br0 tag 5',
    meanwhile: 'set Port br0 tag=6',
    prints:
      'ovs-vsctl: "add" operation would put 2 values in column tag of table Port but the maximum number is 1\nexit 1\n',
    afterwards: ['get Port br0 tag', '6\n'],
  },
  'add of a key that comes with another value': {
    before: [],
    run: 'add Bridge br0 external_ids a=1 b=2',
    meanwhile: 'set Bridge br0 external_ids:a=5',
    afterwards: ['get Bridge br0 external_ids', '{a="5", b="2"}\n'],
  },
  'add to a set without limit': {
    before: [],
    run: 'add Bridge br0 flood_vlans 1 2',
    meanwhile: 'add Bridge br0 flood_vlans 2 3',
    afterwards: ['get Bridge br0 flood_vlans', '[1, 2, 3]\n'],
  },
  'remove of a pair whose value changes': {
    before: ['set Bridge br0 external_ids:a=1'],
    run: 'remove Bridge br0 external_ids a=1',
    meanwhile: 'set Bridge br0 external_ids:a=5',
    afterwards: ['get Bridge br0 external_ids', '{a="5"}\n'],
  },
  'a row found by what it is referred from': {
    before: ['set-controller br0 tcp:1.2.3.4'],
    run: 'set Controller br0 connection_mode=out-of-band',
    meanwhile: 'set-controller br0 tcp:5.6.7.8',
    afterwards: ['get Controller br0 target connection_mode', '"tcp:5.6.7.8"\nout-of-band\n'],
  },
  'wait-until on what no longer holds': {
    before: ['set Bridge br0 fail_mode=secure'],
    run: 'wait-until Bridge br0 fail_mode=secure -- set Bridge br0 external_ids:a=1',
    meanwhile: 'clear Bridge br0 fail_mode -- set Bridge br0 external_ids:b=2 fail_mode=secure datapath_type=netdev',
    afterwards: ['get Bridge br0 external_ids', '{a="1", b="2"}\n'],
  },
  'an external id of a fake bridge that goes': {
    before: ['add-br f br0 9'],
    run: 'br-set-external-id f a 1',
    meanwhile: 'del-br f',
    prints: 'ovs-vsctl: no bridge named f\nexit 1\n',
    afterwards: ['list-br', 'br0\n'],
  },
  'two external ids at once': {
    before: [],
    run: 'br-set-external-id br0 a 1',
    meanwhile: 'br-set-external-id br0 b 2',
    afterwards: ['br-get-external-id br0', 'a=1\nb=2\n'],
  },
  'controllers of a bridge that goes': {
    before: ['add-br br1'],
    run: 'set-controller br1 tcp:1.2.3.4',
    meanwhile: 'del-br br1',
    prints: 'ovs-vsctl: no bridge named br1\nexit 1\n',
    afterwards: ['list Controller', ''],
  },
  'the fail mode of a bridge that becomes a fake one': {
    before: ['add-br br1'],
    run: 'set-fail-mode br1 secure',
    meanwhile: 'del-br br1 -- add-br br1 br0 5',
    prints: 'ovs-vsctl: br1 is a fake bridge\nexit 1\n',
    afterwards: ['get Bridge br0 fail_mode', '[]\n'],
  },
  'the first mapping of a bridge that gets another': {
    before: [],
    run: 'add-aa-mapping br0 1 2',
    meanwhile: 'add-aa-mapping br0 3 4',
    afterwards: ['get-aa-mapping br0', '1 2\n3 4\n'],
  },
  'a mapping that changes before it is deleted': {
    before: ['add-aa-mapping br0 1 2'],
    run: 'del-aa-mapping br0 1 2',
    meanwhile: 'del-aa-mapping br0 1 2 -- add-aa-mapping br0 1 9',
    afterwards: ['get-aa-mapping br0', '1 9\n'],
  },
  'the emergency reset and an address that has just been set': {
    before: ['set Bridge br0 other_config:a=b'],
    run: 'emer-reset',
    meanwhile: 'set Bridge br0 other_config:hwaddr=02:00:00:00:00:01',
    afterwards: ['get Bridge br0 other_config', '{hwaddr="02:00:00:00:00:01"}\n'],
  },
  'a zone that comes with a limit': {
    before: ['set Open_vSwitch . datapaths:system=@d -- --id=@d create Datapath datapath_version=1'],
    run: 'add-zone-tp system zone=1 icmp_first=5',
    meanwhile: 'set-zone-limit system 1 7',
    afterwards: [
      'list-zone-tp system -- list-zone-limits system',
      'Zone:1, Timeout Policies: icmp_first=5\nZone: 1, Limit: 7\n',
    ],
  },
  'a zone that loses its policy': {
    before: [
      'set Open_vSwitch . datapaths:system=@d -- --id=@d create Datapath datapath_version=1',
      'add-zone-tp system zone=1 icmp_first=5 -- set-zone-limit system 1 7',
    ],
    run: 'del-zone-limit system 1',
    meanwhile: 'del-zone-tp system zone=1',
    afterwards: ['list CT_Zone', ''],
  },
};

/** What is read in more than one step. */
interface Reading {
  readonly before: readonly string[];
  readonly run: string;
  readonly meanwhile: string;
  /** What it may print. */
  readonly prints: readonly string[];
}

const readings: { readonly [title: string]: Reading } = {
  'a port of a list goes': {
    before: ['add-port br0 p1', 'add-port br0 p2'],
    run: 'list-ports br0',
    meanwhile: 'del-port p1',
    prints: ['p1\np2\n', 'p2\n'],
  },
  'an interface of a list goes': {
    before: ['add-bond br0 bond0 b0 b1 b2'],
    run: 'list-ifaces br0',
    meanwhile: 'del-bond-iface b1',
    prints: ['b0\nb1\nb2\n', 'b0\nb2\n'],
  },
  'a controller is replaced': {
    before: ['set-controller br0 tcp:1.2.3.4'],
    run: 'get-controller br0',
    meanwhile: 'set-controller br0 tcp:5.6.7.8',
    prints: ['tcp:1.2.3.4\n', 'tcp:5.6.7.8\n'],
  },
  'a port goes that was found': {
    before: ['add-port br0 p'],
    run: 'iface-to-br p',
    meanwhile: 'del-port p',
    prints: ['br0\n', 'ovs-vsctl: no interface named p\nexit 1\n'],
  },
  'the whole switch is replaced': {
    before: ['add-port br0 p1'],
    run: 'list-ports br0',
    meanwhile: 'del-br br0 -- add-br br1 -- add-port br1 p1',
    prints: ['p1\n', 'ovs-vsctl: no bridge named br0\nexit 1\n'],
  },
};

for (const [server, start] of [
  ['our', startServer],
  ['the C', startCServer],
] as const) {
  const requirement = start === startCServer ? cPrograms() : undefined;
  testRequiring(requirement)(
    `who loses a race tries again, and nobody loses anything, on ${server} server`,
    async (t) => {
      const track = await Track.open(t, start);
      for (const [title, race] of Object.entries(races)) await track.run(t, title, race);
    },
  );
  testRequiring(requirement)(`what is read is of one moment, on ${server} server`, async (t) => {
    const track = await Track.open(t, start);
    for (const [title, reading] of Object.entries(readings)) await track.read(t, title, reading);
  });
}
