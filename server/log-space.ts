import { closeSync, fstatSync, openSync, writeSync } from 'node:fs';

/** What stands before each page in the WAL, in bytes (SQLite's file format, section 4.1). */
const frameHeader = 24;
const pageSize = 4096;

/**
 * Makes the WAL of the database at `path` large enough for so many pages before they are written: a sync that finds the
 * file as large as it was takes half as long. SQLite reads a WAL up to the first frame that it did not write itself, and
 * zeros are none. Where there is no space, the WAL is left to grow.
 */
export const reserveLogSpace = (path: string, pages: number): void => {
  let file: number | undefined;
  try {
    file = openSync(`${path}-wal`, 'r+');
    const { size } = fstatSync(file);
    const wanted = pages * (frameHeader + pageSize);
    if (size < wanted) writeSync(file, Buffer.alloc(wanted - size), 0, wanted - size, size);
  } catch {
    // The commit that follows finds out what is wrong, if anything is.
  } finally {
    if (file !== undefined) closeSync(file);
  }
};
