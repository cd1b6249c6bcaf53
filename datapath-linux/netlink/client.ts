/**
 * Requests to the kernel. Netlink carries a request out inside send(2), and its answer is queued when that returns:
 * so requests here are plain synchronous calls, and waiting (`waitReadable`) is only the exception.
 */
import { native } from '../../native/index.ts';
import type { Payload } from './attribute.ts';
import { DumpInterruptedError, type NetlinkError, NetlinkFormatError } from './error.ts';
import { errorOf, flags, type Message, messages, messageTypes, stamp } from './message.ts';
import { beginTransaction, endTransaction } from './nftables.ts';

const protocols = { route: 0, netfilter: 12 } as const;
/** Acknowledgements of a full batch, or the kernel's read-ahead of a dump, fit with room to spare. */
const receiveBuffer = 4 << 20;
const datagramsPerCall = 32;
const answerTimeout = 10_000;
const dumpAttempts = 20;

/** What one message of a batch came to: the payloads it was answered with, or why the kernel refused. */
export interface Answer {
  readonly payloads: readonly Payload[];
  readonly error?: NetlinkError;
}

export class NetlinkClient {
  readonly #fd: number;
  readonly #namespaceFd: number;
  #sequence = 1;
  #netfilter: NetlinkClient | undefined;

  /** `namespaceFd`: an open /proc/PID/ns/net or /run/netns file, to act in that network namespace. */
  constructor(namespaceFd = -1, protocol: keyof typeof protocols = 'route') {
    this.#namespaceFd = namespaceFd;
    this.#fd = native().netlinkOpen(protocols[protocol], namespaceFd, receiveBuffer);
  }

  /** Requests to the packet filter of the same namespace. @throws Error when the kernel has none */
  get netfilter(): NetlinkClient {
    this.#netfilter ??= new NetlinkClient(this.#namespaceFd, 'netfilter');
    return this.#netfilter;
  }

  close(): void {
    this.#netfilter?.close();
    native().close(this.#fd);
  }

  /** One request and its answer. @throws NetlinkError when the kernel refuses. */
  request(message: Buffer): readonly Payload[] {
    const [answer] = this.batch([message]);
    if (answer?.error) throw answer.error;
    return answer?.payloads ?? [];
  }

  /**
   * Several requests in one send, carried out in order; a refused one does not stop those after it.
   * Keep it below some hundred messages: their answers must fit into the socket's buffer.
   */
  batch(batch: readonly Buffer[]): readonly Answer[] {
    if (batch.length === 0) return [];
    const first = this.#takeSequences(batch.length);
    batch.forEach((message, index) => {
      stamp(message, first + index, flags.ack);
    });
    native().send(this.#fd, Buffer.concat(batch));
    const answers = batch.map((): { payloads: Payload[]; error?: NetlinkError } => ({ payloads: [] }));
    let open = batch.length;
    while (open > 0) {
      for (const message of this.#receive()) {
        const answer = answers[message.sequence - first];
        if (!answer) continue;
        if (message.type !== messageTypes.error) {
          answer.payloads.push(message);
          continue;
        }
        const error = errorOf(message);
        if (error) answer.error = error;
        open--;
      }
    }
    return answers;
  }

  /**
   * Requests to the packet filter that take effect together, or not at all.
   * @throws NetlinkError for the first that the kernel refuses
   */
  transaction(requests: readonly Buffer[]): void {
    const first = this.#takeSequences(requests.length + 2);
    const [begin, end] = [beginTransaction(), endTransaction()];
    stamp(begin, first, 0);
    requests.forEach((message, index) => {
      stamp(message, first + 1 + index, flags.ack);
    });
    stamp(end, first + requests.length + 1, 0);
    native().send(this.#fd, Buffer.concat([begin, ...requests, end]));
    let refusal: NetlinkError | undefined;
    for (let open = requests.length; open > 0; ) {
      for (const message of this.#receive()) {
        if (message.sequence < first || message.type !== messageTypes.error) continue;
        refusal ??= errorOf(message);
        // A transaction that is refused as a whole gets one answer, to its beginning.
        if (message.sequence === first && refusal) throw refusal;
        if (message.sequence > first && message.sequence <= first + requests.length) open--;
      }
    }
    if (refusal) throw refusal;
  }

  /**
   * Everything of a kind, read at one consistent moment: a dump that changes interrupted is thrown away and repeated.
   * @throws DumpInterruptedError when that happens again and again, NetlinkError when the kernel refuses.
   */
  dump<T>(message: Buffer, parse: (payload: Payload) => T): T[] {
    for (let attempt = 0; attempt < dumpAttempts; attempt++) {
      const items = this.#dumpOnce(message, parse);
      if (items) return items;
    }
    throw new DumpInterruptedError(`a dump was interrupted by changes ${dumpAttempts} times`);
  }

  /** undefined: interrupted. It is read to its end all the same, because the socket allows one dump at a time. */
  #dumpOnce<T>(message: Buffer, parse: (payload: Payload) => T): T[] | undefined {
    const sequence = this.#takeSequences(1);
    stamp(message, sequence, flags.dump);
    native().send(this.#fd, message);
    const items: T[] = [];
    let interrupted = false;
    for (;;) {
      for (const part of this.#receive()) {
        if (part.sequence !== sequence) continue;
        if (part.flags & flags.dumpInterrupted) interrupted = true;
        if (part.type === messageTypes.error || part.type === messageTypes.done) {
          const error = errorOf(part);
          if (error) throw error;
          return interrupted ? undefined : items;
        }
        items.push(parse(part));
      }
    }
  }

  *#receive(): Generator<Message> {
    const datagrams = native().netlinkReceive(this.#fd, datagramsPerCall);
    if (datagrams.length === 0 && !native().waitReadable(this.#fd, answerTimeout)) {
      throw new NetlinkFormatError(`the kernel did not answer within ${answerTimeout} ms`);
    }
    for (const datagram of datagrams) yield* messages(datagram);
  }

  /** The first of `count` numbers in a row that no earlier answer still under way can carry. */
  #takeSequences(count: number): number {
    if (this.#sequence + count > 0x7fffffff) this.#sequence = 1;
    const first = this.#sequence;
    this.#sequence += count;
    return first;
  }
}
