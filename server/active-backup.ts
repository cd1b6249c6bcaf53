import type { Credentials } from '../rpc/credentials.ts';
import { logFor } from '../rpc/log.ts';
import type { Database } from './database.ts';
import { ExcludedTables } from './excluded-tables.ts';
import { Replication } from './replication.ts';
import { defaultSourceSettings, type SourceSettings } from './source.ts';

const log = logFor('replication');

/** The server that is active or a backup. */
export interface ActiveBackupHost {
  readonly serverId: string;
  readonly credentials: Credentials;
  /** The databases that a backup copies, by name. */
  readonly replicated: () => ReadonlyMap<string, Database>;
}

/**
 * The server's part in an active-backup pair: active, it serves as any server; as the backup of another it copies that
 * one's databases, and clients may not change them. A backup that cannot go on becomes active.
 */
export class ActiveBackup {
  readonly #host: ActiveBackupHost;
  #target: string | undefined;
  #excluded = new ExcludedTables('');
  #settings = defaultSourceSettings;
  #replication: Replication | undefined;

  constructor(host: ActiveBackupHost) {
    this.#host = host;
  }

  get isBackup(): boolean {
    return this.#replication !== undefined;
  }
  /** The server to be a backup of; undefined when none is known. */
  get target(): string | undefined {
    return this.#target;
  }
  /** From the next time on that it becomes a backup. */
  set target(target: string) {
    this.#target = target;
  }

  get excluded(): ExcludedTables {
    return this.#excluded;
  }
  set excluded(excluded: ExcludedTables) {
    this.#excluded = excluded;
    this.restart();
  }

  /** What is configured for the connection to the active server. */
  get settings(): SourceSettings {
    return this.#settings;
  }
  set settings(settings: SourceSettings) {
    this.#settings = settings;
    if (this.#replication !== undefined) this.#replication.settings = settings;
  }

  /** Becomes the backup of `target`; false when none is known. */
  connect(): boolean {
    if (this.#target === undefined) return false;
    this.disconnect();
    const { serverId, credentials, replicated } = this.#host;
    const databases = replicated();
    for (const database of databases.values()) database.readOnly = true;
    this.#replication = new Replication({
      target: this.#target,
      excluded: this.#excluded,
      settings: this.#settings,
      credentials,
      serverId,
      databases,
      failed: () => this.disconnect(),
    });
    return true;
  }

  /** Becomes active. */
  disconnect(): void {
    this.close().catch((error) => log.warn(`the connection to the active server did not end well: ${error}`));
    for (const database of this.#host.replicated().values()) database.readOnly = false;
  }

  /** Begins anew if it is a backup. To be called when databases come, go or are converted. */
  restart(): void {
    if (this.isBackup) this.connect();
  }

  /** In the words of `ovs-appctl ovsdb-server/sync-status`. */
  get status(): string {
    return this.#replication === undefined ? 'state: active\n' : `state: backup\n${this.#replication.status}`;
  }

  /** Ends the connection to the active server. */
  async close(): Promise<void> {
    const replication = this.#replication;
    this.#replication = undefined;
    await replication?.close();
  }
}
