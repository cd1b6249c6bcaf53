/** Who can hold a lock, and how it hears of it. */
export interface LockOwner {
  /** It has got the lock it waited for. */
  locked(name: string): void;
  /** Another owner took the lock away. */
  stolen(name: string): void;
}

/** The server's named locks (RFC 7047 section 4.1.8): the first of each queue holds the lock. */
export class Locks {
  readonly #queues = new Map<string, LockOwner[]>();

  /** Takes the lock or waits for it; returns whether it was taken. */
  lock(name: string, owner: LockOwner): boolean {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    return queue.push(owner) === 1;
  }

  /** Takes the lock, away from another owner if need be, who then waits for it first. */
  steal(name: string, owner: LockOwner): void {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    queue.unshift(owner);
    queue[1]?.stolen(name);
  }

  unlock(name: string, owner: LockOwner): void {
    const queue = this.#queues.get(name) ?? [];
    const at = queue.indexOf(owner);
    if (at < 0) return;
    queue.splice(at, 1);
    if (queue.length === 0) this.#queues.delete(name);
    else if (at === 0) queue[0]?.locked(name);
  }

  holds(name: string, owner: LockOwner): boolean {
    return this.#queues.get(name)?.[0] === owner;
  }
}
