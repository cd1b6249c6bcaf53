import { withoutLogTimes } from './program-run.ts';

/** UUIDs that the cases themselves name. */
const chosen = /^(00000000|12345678)-/;

/** A text without what differs from run to run: UUIDs that a server chose, dates, durations, numbers of processes. */
export const tidyOutput = (text: string): string => {
  const names = new Map<string, string>();
  return withoutLogTimes(text)
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, (uuid) => {
      if (chosen.test(uuid)) return uuid;
      const name = names.get(uuid) ?? `<${names.size}>`;
      names.set(uuid, name);
      return name;
    })
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/g, '<date>')
    .replace(/timed out after \d+ ms/g, 'timed out')
    .replace(/\(?\b[0-9a-f]{8}\)?:$/gm, '<row>:')
    .replace(/by ovsdb-tool \S+"/g, 'by ovsdb-tool"')
    .replace(/pid \d+/g, 'pid');
};
