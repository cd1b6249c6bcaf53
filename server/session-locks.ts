import type { Peer } from '../rpc/peer.ts';
import { syntaxError } from '../schema/error.ts';
import type { Json, OutJson } from '../schema/json.ts';
import { isId } from '../schema/uuid.ts';
import type { LockOwner, Locks } from './lock.ts';

/** The locks that one session asked for (RFC 7047 sections 4.1.8 to 4.1.10). */
export class SessionLocks implements LockOwner {
  readonly #peer: Peer;
  readonly #locks: Locks;
  /** How it asked for them, by their names. */
  readonly #requests = new Map<string, 'lock' | 'steal'>();

  constructor(peer: Peer, locks: Locks) {
    this.#peer = peer;
    this.#locks = locks;
  }

  /** @throws OvsdbError */
  lock(params: readonly Json[], method: 'lock' | 'steal'): OutJson {
    const name = lockName(params, method);
    if (this.#requests.has(name)) throw syntaxError(`must issue "unlock" before new "${method}"`, params);
    this.#requests.set(name, method);
    if (method === 'lock') return { locked: this.#locks.lock(name, this) };
    this.#locks.steal(name, this);
    return { locked: true };
  }

  /** @throws OvsdbError */
  unlock(params: readonly Json[]): OutJson {
    const name = lockName(params, 'unlock');
    if (!this.#requests.delete(name)) throw syntaxError('unlock: "unlock" without "lock" or "steal"', params);
    this.#locks.unlock(name, this);
    return {};
  }

  /** The session ends: others may have its locks. */
  release(): void {
    for (const name of this.#requests.keys()) this.#locks.unlock(name, this);
  }

  readonly holds = (name: string): boolean => this.#requests.has(name) && this.#locks.holds(name, this);

  /** Those it holds, those it waits for, and those that were taken from it. */
  names(): { readonly [state in 'held' | 'waiting' | 'lost']: readonly string[] } {
    const names = { held: [] as string[], waiting: [] as string[], lost: [] as string[] };
    for (const [name, request] of this.#requests) {
      if (this.#locks.holds(name, this)) names.held.push(name);
      else names[request === 'lock' ? 'waiting' : 'lost'].push(name);
    }
    return names;
  }

  locked(name: string): void {
    this.#peer.notify('locked', [name]);
  }
  stolen(name: string): void {
    this.#peer.notify('stolen', [name]);
  }
}

const lockName = (params: readonly Json[], method: string): string => {
  const [name] = params;
  if (params.length !== 1 || typeof name !== 'string' || !isId(name)) {
    throw syntaxError(`${method} request params must be <id>`, params);
  }
  return name;
};
