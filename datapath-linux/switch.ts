/**
 * The running switch. A database update, a kernel notice, a timer and the start all only say "look"; one look at a
 * time makes the kernel as the database wants it and reports back. While another switch holds the lock, or the
 * database is away, the network stays as it is.
 */
import { release } from 'node:os';
import { native } from '../native/index.ts';
import type { Credentials } from '../rpc/credentials.ts';
import { directories } from '../rpc/directories.ts';
import { type Log, logFor } from '../rpc/log.ts';
import { Replica } from '../rpc/replica.ts';
import { ovsVersion } from '../rpc/version.ts';
import type { OutJson } from '../schema/json.ts';
import { KernelCapabilities } from './capabilities.ts';
import { NamespaceClaim } from './claim.ts';
import type { SwitchView } from './command/view.ts';
import { type Configuration, monitoredColumns, readConfiguration, reportedColumns } from './configuration.ts';
import { desiredState } from './desired.ts';
import { filterRemark, hostSystem, tunRemark } from './host.ts';
import { readHostStatistics } from './host-statistics.ts';
import { readKernel } from './kernel.ts';
import { LearningPackets } from './learning-packets.ts';
import { LinkTable } from './link-table.ts';
import { Loop } from './loop.ts';
import { NetlinkClient } from './netlink/client.ts';
import { LinkEvents } from './netlink/events.ts';
import { dumpStatistics, getStatistics, type LinkStatistics, parseStatistics } from './netlink/statistics.ts';
import { type Outcome, Reconciler } from './reconciler.ts';
import { Reporter } from './reporter.ts';
import { onOneLine } from './sentence.ts';
import type { About } from './status.ts';
import { describeStep, type Step } from './step.ts';
import { switchLock, whileLocked } from './update.ts';

export interface SwitchOptions {
  /** The database server, such as `unix:/var/run/openvswitch/db.sock`. */
  readonly remote: string;
  /** For a server that is reached over TLS. */
  readonly credentials?: Credentials;
}

export interface Switch {
  /** Resolves when the network has been made as the database wants it for the first time. */
  readonly configured: Promise<void>;
  /** Ends the switch's work; the network goes on forwarding as it is. */
  stop(): Promise<void>;
  /** Ends the switch's work, and takes down all that it has made. */
  cleanUp(): Promise<void>;
  /** What there is at this moment, for the commands of the control socket. */
  view(): SwitchView;
}

/** In milliseconds; other_config:stats-update-interval can only make it longer, as in the C daemon. */
const statisticsInterval = 5000;
const statisticsPerBatch = 128;
/** In milliseconds: how often a switch that must not act asks whether it may. */
const claimInterval = 1000;

/**
 * Starts the switch in this process's network namespace. It connects, and reconnects, on its own.
 * @throws Error when the kernel cannot be spoken to: no native helper, or no netlink.
 */
export function startSwitch(options: SwitchOptions): Switch {
  return new RunningSwitch(options, logFor('bridge'));
}

class RunningSwitch implements Switch {
  readonly #log: Log;
  readonly #client = new NetlinkClient();
  readonly #events: LinkEvents;
  readonly #links: LinkTable;
  readonly #capabilities = new KernelCapabilities();
  readonly #replica: Replica;
  readonly #reconciler: Reconciler;
  readonly #learningPackets = new LearningPackets();
  readonly #reporter: Reporter;
  readonly #loop: Loop;
  readonly configured: Promise<void>;
  #isConfigured: () => void = () => {};
  #stopped: Promise<void> | undefined;
  #statisticsTimer: NodeJS.Timeout | undefined;
  #wrong: ReadonlySet<string> = new Set();
  readonly #remarks = new Set<string>();
  #disabled = false;
  #refused = false;
  readonly #claim = new NamespaceClaim();
  #isElsewhere = false;
  #isReconciling = false;
  #claimTimer: NodeJS.Timeout | undefined;

  constructor({ remote, credentials }: SwitchOptions, log: Log) {
    this.#log = log;
    this.configured = new Promise((resolve) => {
      this.#isConfigured = resolve;
    });
    this.#loop = new Loop(
      () => this.#look(),
      (error) => log.warn(`will try again: ${error instanceof Error ? error.message : error}`),
    );
    this.#events = new LinkEvents(() => {
      this.#links.takeNotices();
      this.#lookAtNews();
    });
    this.#links = new LinkTable({ client: this.#client, events: this.#events, now: () => performance.now() });
    this.#reconciler = new Reconciler({
      client: this.#client,
      links: this.#links,
      accounts: native(),
      capabilities: this.#capabilities,
    });
    this.#replica = new Replica({
      target: remote,
      ...(credentials !== undefined && { credentials }),
      database: 'Open_vSwitch',
      tables: monitoredColumns,
      silent: reportedColumns,
      lock: switchLock,
      changed: () => this.#databaseChanged(),
    });
    this.#reporter = new Reporter({
      replica: this.#replica,
      about: () => this.#about(),
      datapathVersion: release(),
      readHostStatistics: () => readHostStatistics(directories().run),
      readStatistics: (ifindexes) => this.#readStatistics(ifindexes),
      client: this.#client,
    });
    this.#scheduleStatistics(undefined);
  }

  async stop(): Promise<void> {
    await this.#quiesce();
    this.#claim.release();
    this.#events.close();
    this.#client.close();
  }

  async cleanUp(): Promise<void> {
    await this.#quiesce();
    if (!(await this.#claim.take())) return;
    const { failures } = await this.#reconciler.reconcile({ bridges: [] });
    for (const { step, reason } of failures) this.#log.warn(`${describeStep(step)}: ${reason}`);
  }

  view(): SwitchView {
    // Notices that this reading would swallow are a reason to look all the same.
    this.#links.takeNotices();
    this.#lookAtNews();
    const configuration = readConfiguration(this.#replica) ?? { bridges: [] };
    return {
      configuration,
      desired: desiredState(configuration, native()),
      kernel: readKernel(this.#client, this.#links, this.#capabilities),
      client: this.#client,
      cells: this.#cells(),
    };
  }

  /** What notices tell while the kernel is being changed is looked at after that anyway. */
  #lookAtNews(): void {
    if (this.#links.hasNews && !this.#isReconciling) this.#loop.soon();
  }

  #cells(): number {
    const tables = Object.entries(monitoredColumns);
    return tables.reduce((sum, [table, columns]) => sum + this.#replica.rows(table).size * columns.length, 0);
  }

  /** No look is under way any more, and none will be. */
  #quiesce(): Promise<void> {
    this.#stopped ??= (async () => {
      clearTimeout(this.#statisticsTimer);
      clearTimeout(this.#claimTimer);
      const idle = this.#loop.stop();
      // Ends a transaction that the loop may be waiting for.
      await this.#replica.close();
      await idle;
    })();
    return this.#stopped;
  }

  #databaseChanged(): void {
    if (!this.#replica.synced) this.#forget();
    this.#loop.now();
  }

  /** The database may not hold what was written. */
  #forget(): void {
    this.#reporter.forget();
    this.#reconciler.forget();
  }

  async #look(): Promise<void> {
    const configuration = this.#configuration();
    if (!configuration) {
      // A database without a row for the switch asks for nothing, and that is done.
      if (this.#replica.synced && !this.#disabled) this.#isConfigured();
      return;
    }
    if (!(await this.#claimed())) return;
    const outcome = await this.#reconcile(configuration);
    this.#learningPackets.send(outcome.desired, outcome.kernel, this.#client);
    this.#logOutcome(outcome);
    await this.#write(this.#reporter.report(configuration, outcome));
    this.#isConfigured();
  }

  async #reconcile(configuration: Configuration): Promise<Outcome> {
    this.#isReconciling = true;
    try {
      return await this.#reconciler.reconcile(configuration);
    } finally {
      this.#isReconciling = false;
      this.#lookAtNews();
    }
  }

  /** Whether this network namespace is left to this switch; while it is not, that is tried again now and then. */
  async #claimed(): Promise<boolean> {
    const isOurs = await this.#claim.take();
    if (!isOurs && !this.#isElsewhere) {
      this.#log.warn(
        'another ovs-vswitchd works in this network namespace, for another database: idle until it ends (ip netns exec starts one in a namespace of its own)',
      );
    }
    this.#isElsewhere = !isOurs;
    if (!isOurs) this.#claimTimer = setTimeout(() => this.#loop.now(), claimInterval);
    return isOurs;
  }

  /** What to do now: nothing without a database, or while another switch does it. */
  #configuration(): Configuration | undefined {
    if (!this.#replica.synced) return undefined;
    if (this.#replica.locked === this.#disabled) {
      this.#disabled = !this.#disabled;
      if (this.#disabled) {
        this.#log.warn('another ovs-vswitchd holds the database lock: idle until it goes away');
        this.#claim.release();
      }
    }
    return this.#disabled ? undefined : readConfiguration(this.#replica);
  }

  async #write(operations: readonly OutJson[]): Promise<void> {
    if (operations.length === 0) return;
    try {
      await this.#replica.transact(whileLocked(operations));
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  /** Steps are told each time; what is wrong only when it was not so at the last look. */
  #logOutcome({ steps, failures, problems, bridgeProblems }: Outcome): void {
    const failed = new Set(failures.map(({ step }) => step));
    for (const step of steps) if (!failed.has(step)) this.#log.dbg(onOneLine(describeStep(step)));
    const wrong = [
      ...failures.map(({ step, reason }) => `${describeStep(step)}: ${reason}`),
      ...problems.values(),
      ...bridgeProblems.values(),
    ].map(onOneLine);
    const told = this.#wrong;
    this.#wrong = new Set(wrong);
    for (const text of this.#wrong) if (!told.has(text)) this.#log.warn(text);
    // A program that the kernel has refused it will refuse again, and so will a fault of ours be one.
    this.#refused = failures.some(({ step }) => step.op !== 'load-programs' && step.op !== 'fault');
    this.#logRemarks(steps);
  }

  /** What the host lacks is told once, when it begins to matter. */
  #logRemarks(steps: readonly Step[]): void {
    for (const [op, remark] of [['create-bridge', filterRemark] as const, ['create-tap', tunRemark] as const]) {
      const text = steps.some((step) => step.op === op) ? remark() : undefined;
      if (text === undefined || this.#remarks.has(text)) continue;
      this.#remarks.add(text);
      this.#log.info(text);
    }
  }

  #about(): About {
    const { type, version } = hostSystem();
    const schemaVersion = this.#replica.schema?.version ?? '';
    return { ovsVersion, schemaVersion, systemType: type, systemVersion: version };
  }

  #readStatistics(ifindexes?: readonly number[]): LinkStatistics[] {
    if (ifindexes === undefined) return this.#client.dump(dumpStatistics(), parseStatistics);
    const found: LinkStatistics[] = [];
    for (let at = 0; at < ifindexes.length; at += statisticsPerBatch) {
      const answers = this.#client.batch(ifindexes.slice(at, at + statisticsPerBatch).map(getStatistics));
      for (const { payloads } of answers) found.push(...payloads.map(parseStatistics));
    }
    return found;
  }

  #scheduleStatistics(configuration: Configuration | undefined): void {
    const configured = Number(configuration?.otherConfig.get('stats-update-interval') ?? 0);
    const interval = configured > statisticsInterval && configured < 2 ** 31 ? configured : statisticsInterval;
    this.#statisticsTimer = setTimeout(() => {
      const current = this.#configuration();
      this.#scheduleStatistics(current);
      if (current) this.#refresh(current).catch((error: unknown) => this.#log.dbg(`statistics: ${error}`));
    }, interval);
  }

  /**
   * Besides the counters, whatever changes without a notice is looked at now and then: devices in other namespaces,
   * routes, protocols. And what the kernel refused is tried again.
   */
  async #refresh(configuration: Configuration): Promise<void> {
    const isRestless = this.#reporter.tellsUnannounced || this.#links.isRestless;
    if (this.#refused || isRestless || this.#links.isOld) this.#loop.soon();
    await this.#write(this.#reporter.reportStatistics(configuration));
  }
}
