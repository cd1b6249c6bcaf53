/** What a write did to the ids of one table: `uuid` stood for `id` before. */
interface Replaced {
  readonly ids: Map<string, number>;
  readonly uuid: string;
  readonly id: number | undefined;
}

/** What a write changed in the ids of all tables, for when it cannot be stored. */
export class IdJournal {
  #replaced: Replaced[] = [];

  note(replaced: Replaced): void {
    this.#replaced.push(replaced);
  }

  /** The write is stored. */
  forget(): void {
    this.#replaced = [];
  }

  /** The write is not stored, and rows have the ids that they had before. */
  undo(): void {
    for (const { ids, uuid, id } of this.#replaced.reverse()) {
      if (id === undefined) ids.delete(uuid);
      else ids.set(uuid, id);
    }
    this.forget();
  }
}

/**
 * Under which `_id` each row of a table stands in the file. It is kept in memory rather than looked up: an index of
 * uuids, which are random, would cost a page for each row that comes or goes.
 */
export class RowIds {
  readonly #journal: IdJournal;
  readonly #ids = new Map<string, number>();
  #last = 0;

  constructor(journal: IdJournal) {
    this.#journal = journal;
  }

  /** Before the rows of the file are read. */
  clear(): void {
    this.#ids.clear();
    this.#last = 0;
  }

  /** Notes a row that the file has. @throws when it has another one of that uuid */
  set(uuid: string, id: number): void {
    const { size } = this.#ids;
    this.#ids.set(uuid, id);
    if (this.#ids.size === size) throw new Error(`row ${uuid} is in the file twice`);
    this.#last = Math.max(this.#last, id);
  }

  get(uuid: string): number {
    const id = this.#ids.get(uuid);
    if (id === undefined) throw new Error(`row ${uuid} is not in the file`);
    return id;
  }

  /** An id for a row that comes. */
  add(uuid: string): number {
    const id = ++this.#last;
    this.#journal.note({ ids: this.#ids, uuid, id: this.#ids.get(uuid) });
    this.#ids.set(uuid, id);
    return id;
  }

  /** The id of a row that goes. */
  remove(uuid: string): number {
    const id = this.get(uuid);
    this.#journal.note({ ids: this.#ids, uuid, id });
    this.#ids.delete(uuid);
    return id;
  }
}
