/**
 * Case files of test/cases/frames: a configuration, frames that are sent, and where Open vSwitch lets them arrive.
 * README.md there describes the format.
 */

/** A tag: its EtherType, its VLAN, its priority. */
export interface Tag {
  readonly type: number;
  readonly vlan: number;
  readonly priority: number;
}

export interface SentFrame {
  /** The line without what is expected: `send a 10`. */
  readonly text: string;
  readonly from: string;
  readonly tags: readonly Tag[];
  /** A port, whose address it is sent to, or an address; undefined for everyone. */
  readonly to: string | undefined;
  /** What Open vSwitch does: `b:untagged c:10`, or `-`. */
  readonly expected: string;
}

export interface FrameCase {
  /** Features of the kernel that our switch needs. */
  readonly needs: readonly string[];
  /** Everything that is set up, in order, as written: [word, ...arguments]. */
  readonly setUp: readonly (readonly string[])[];
  /** Frames of one group are sent at once; the next when all is quiet again. */
  readonly groups: readonly (readonly SentFrame[])[];
}

const tagTypes = { '': 0x8100, s: 0x88a8 } as const;

function parseTag(text: string): Tag {
  const [, type, vlan, priority] = /^(s?)(\d+)(?:p(\d))?$/.exec(text) ?? [];
  if (vlan === undefined) throw new Error(`no tag: ${text}`);
  return { type: type === 's' ? tagTypes.s : tagTypes[''], vlan: Number(vlan), priority: Number(priority ?? 0) };
}

const parseTags = (text: string): Tag[] => (text === 'untagged' ? [] : text.split('+').map(parseTag));

/** `untagged`, `10`, `10p3` (with priority 3), `s10` (802.1ad), `s10+20`. */
export function printTags(tags: readonly Tag[]): string {
  const words = tags.map(
    ({ type, vlan, priority }) => `${type === tagTypes.s ? 's' : ''}${vlan}${priority === 0 ? '' : `p${priority}`}`,
  );
  return words.join('+') || 'untagged';
}

/** `a:10 b:untagged`; of several copies all are told; `-` for none. */
export function printArrivals(arrivals: Readonly<Record<string, readonly (readonly Tag[])[]>>): string {
  const ports = Object.entries(arrivals).sort(([a], [b]) => (a < b ? -1 : 1));
  return ports.flatMap(([port, copies]) => copies.map((tags) => `${port}:${printTags(tags)}`)).join(' ') || '-';
}

function parseSend(line: string): SentFrame {
  const [, text, from, tags, to, expected] = /^(send (\S+) (\S+)(?: to (\S+))?)(?:\s+-> (.+))?$/.exec(line) ?? [];
  if (text === undefined || from === undefined || tags === undefined) throw new Error(`cannot read: ${line}`);
  return { text, from, tags: parseTags(tags), to, expected: expected ?? '' };
}

/** @throws Error that names the line which cannot be read */
export function parseCase(text: string): FrameCase {
  const needs: string[] = [];
  const setUp: string[][] = [];
  const groups: SentFrame[][] = [];
  let group: SentFrame[] | undefined;
  for (const line of text.split('\n').map((each) => each.trim())) {
    const [word = '', ...rest] = line.split(/\s+/);
    if (word === '' || word === '#') group = undefined;
    else if (word === 'needs') needs.push(rest.join(' '));
    else if (word === 'send') {
      if (!group) {
        group = [];
        groups.push(group);
      }
      group.push(parseSend(line));
    } else setUp.push([word, ...rest]);
  }
  return { needs, setUp, groups };
}

/** The text of a case file with these expectations, by the text of the frame. */
export function withExpectations(text: string, found: ReadonlyMap<string, string>): string {
  const lines = text.split('\n').map((line) => {
    if (!line.startsWith('send ')) return line;
    const { text: sent } = parseSend(line.trim());
    return `${sent.padEnd(24)} -> ${found.get(sent)}`;
  });
  return lines.join('\n');
}
