/** What the rows ask for the queueing of a port: QoS with its Queues, as plain typed values. */
import type { RowView } from '../../row-view.ts';

export interface QueueRequest {
  readonly dscp: number | undefined;
  readonly options: ReadonlyMap<string, string>;
}

export interface QosRequest {
  /** `linux-htb` …; the empty string and unknown words ask for nothing. */
  readonly type: string;
  readonly options: ReadonlyMap<string, string>;
  /** In the order of their numbers. */
  readonly queues: ReadonlyMap<number, QueueRequest>;
}

/** As the C daemon: a queue's class is its number and one, and those from 0xf000 on are for other uses. */
const queueNumbers = 0xf000;

/** What a Port row asks for; undefined when it has no QoS. */
export function qosOf(port: RowView): QosRequest | undefined {
  const [row] = port.references('qos', 'QoS');
  if (!row) return undefined;
  const queues = [...row.numberedReferences('queues', 'Queue')]
    .filter(([number]) => number >= 0 && number < queueNumbers)
    .sort(([a], [b]) => a - b)
    .map(([number, queue]): [number, QueueRequest] => [
      number,
      { dscp: queue.integer('dscp'), options: queue.map('other_config') },
    ]);
  return { type: row.text('type') ?? '', options: row.map('other_config'), queues: new Map(queues) };
}

/** A whole number of `options`; undefined where there is none, and for zero and other texts, which mean the default. */
export function wholeNumber(options: ReadonlyMap<string, string>, key: string): number | undefined {
  const text = options.get(key) ?? '';
  const value = /^\s*\+?\d{1,15}\s*$/.test(text) ? Number(text) : 0;
  return value > 0 ? value : undefined;
}
