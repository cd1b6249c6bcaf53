import { Monitor, type Subscriber } from './monitor.ts';
import { type MonitoredTable, type MonitorVersion, monitorKey } from './monitor-request.ts';
import type { RowChange } from './transaction.ts';

/** The monitors of a database: those that ask for the same share one. */
export class MonitorHub {
  readonly #monitors = new Map<string, Monitor>();

  /** The monitor for such requests; it lives as long as it has subscribers. */
  get(version: MonitorVersion, tables: readonly MonitoredTable[]): Monitor {
    const key = monitorKey(version, tables);
    const known = this.#monitors.get(key);
    if (known !== undefined) return known;
    const monitor = new Monitor(version, tables);
    this.#monitors.set(key, monitor);
    return monitor;
  }

  subscribe(monitor: Monitor, subscriber: Subscriber): void {
    monitor.subscribers.add(subscriber);
  }

  unsubscribe(monitor: Monitor, subscriber: Subscriber): void {
    monitor.subscribers.delete(subscriber);
    if (monitor.subscribers.size === 0) this.#monitors.delete(monitorKey(monitor.version, monitor.tables));
  }

  /** Tells every monitor what a transaction changed. */
  publish(changes: readonly RowChange[], transaction: string): void {
    for (const monitor of this.#monitors.values()) monitor.publish(changes, transaction);
  }
}
