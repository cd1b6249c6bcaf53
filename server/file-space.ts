import { closeSync, fstatSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import type BetterSqlite3 from 'better-sqlite3';

type Sqlite = BetterSqlite3.Database;

/** Pages of 4 kB that the WAL may hold before they move to the database itself, which takes a sync. */
const pagesBetweenCheckpoints = 2000;
/** The same while commits are synced: the WAL stays in the space that is reserved for it. */
const reservedPages = 1000;
/** A WAL may be so large while nothing is written. */
const pagesAtRest = 250;
/** How long nothing is written before the WAL is made smaller, in ms. */
const restAfter = 1000;

const commitsBetweenTidying = 1000;
/** A file may have so many free pages without being made smaller. */
const pagesToKeep = 256;
const pagesAtOnce = 1024;

/** In the WAL a header stands before each page (SQLite's file format, section 4.1). */
const frameSize = 24 + 4096;

/**
 * How much space the files of a database in WAL mode take beside its rows: reserves some where that saves time, and gives
 * back what is not needed any more.
 */
export class FileSpace {
  readonly #sqlite: Sqlite;
  readonly #wal: string;
  #durable: boolean | undefined;
  #commits = 0;
  #rest: NodeJS.Timeout | undefined;

  /** @param file the database's own, by a path that stays true when this program changes its folder */
  constructor(sqlite: Sqlite, file: string) {
    this.#sqlite = sqlite;
    this.#wal = `${file}-wal`;
  }

  /**
   * Whether the next commits are synced to the disk. A sync that finds the file as large as it was takes half as long.
   */
  set durable(durable: boolean) {
    if (durable === this.#durable) return;
    this.#durable = durable;
    this.#sqlite.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    this.#sqlite.pragma(`wal_autocheckpoint = ${durable ? reservedPages : pagesBetweenCheckpoints}`);
    if (durable) extend(this.#wal, reservedPages * frameSize);
  }

  /** To be called after each commit. */
  committed(): void {
    if (++this.#commits % commitsBetweenTidying === 0) this.#shrink();
    if (this.#rest === undefined) this.#rest = setTimeout(() => this.#settle(), restAfter).unref();
    else this.#rest.refresh();
  }

  /** Gives a part of what has been free for long back to the file system. */
  #shrink(): void {
    try {
      const free = Number(this.#sqlite.pragma('freelist_count', { simple: true }));
      const pages = Number(this.#sqlite.pragma('page_count', { simple: true }));
      if (free > pagesToKeep && free * 2 > pages) this.#sqlite.pragma(`incremental_vacuum(${pagesAtOnce})`);
    } catch {
      // It takes space in the WAL, and there may be none: the commit before it is stored all the same.
    }
  }

  /** Empties the WAL, unless somebody reads from it: nothing is worth waiting for that here. */
  #settle(): void {
    this.#rest = undefined;
    const patience = Number(this.#sqlite.pragma('busy_timeout', { simple: true }));
    try {
      if (this.#durable === true || statSync(this.#wal).size <= pagesAtRest * frameSize) return;
      this.#sqlite.pragma('busy_timeout = 0');
      this.#sqlite.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // A disk without space, or broken: the next commit tells of it, to somebody who asked for it.
    } finally {
      this.#sqlite.pragma(`busy_timeout = ${patience}`);
    }
  }

  /** Gives back all that can be. @throws SqliteError */
  compact(): void {
    this.#sqlite.exec('VACUUM');
    this.#sqlite.pragma('wal_checkpoint(TRUNCATE)');
    // Space that was reserved is so no more.
    this.#durable = undefined;
  }

  close(): void {
    clearTimeout(this.#rest);
  }
}

/**
 * Makes a WAL that large before it is written. SQLite reads it up to the first frame that it did not write itself, and
 * zeros are none. Where there is no space, it is left to grow.
 */
const extend = (wal: string, wanted: number): void => {
  let file: number | undefined;
  try {
    file = openSync(wal, 'r+');
    const { size } = fstatSync(file);
    if (size >= wanted) return;
    const written = writeSync(file, Buffer.alloc(wanted - size), 0, wanted - size, size);
    // The last space of a disk is not for what may never be needed.
    if (written < wanted - size) ftruncateSync(file, size);
  } catch {
    // The commit that follows finds out what is wrong, if anything is.
  } finally {
    if (file !== undefined) closeSync(file);
  }
};
