/** What to do: a sentence, and the commands that do it. */
export interface Remedy {
  readonly text: string;
  readonly commands: readonly string[];
}

/** Something that is wrong, in plain sentences, and ways to mend it, the best one first. */
export interface Finding {
  readonly problem: string;
  readonly remedies: readonly Remedy[];
}

export const finding = (problem: string, ...remedies: readonly Remedy[]): Finding => ({ problem, remedies });
export const remedy = (text: string, ...commands: readonly string[]): Remedy => ({ text, commands });

const shellWord = (word: string): string =>
  /^[\w.,:/@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** A command whose variable words are quoted where the shell would take them for more than words. */
export const shell = (parts: TemplateStringsArray, ...words: readonly string[]): string =>
  parts
    .map(
      (part, i) =>
        part +
        words
          .slice(i, i + 1)
          .map(shellWord)
          .join(''),
    )
    .join('');

/** Names and errors come from the database: what they may do to a terminal they shall not. */
const printable = (line: string): string => line.replace(/\p{Cc}/gu, '\uFFFD');

const remedyLines = ({ text, commands }: Remedy): string[] => [
  `  ${text}`,
  ...commands.map((command) => `      ${command}`),
];

/** Findings as a person reads them, an empty line between two. */
export const formatFindings = (findings: readonly Finding[]): string =>
  findings
    .map(({ problem, remedies }) =>
      [problem, ...remedies.flatMap(remedyLines)].map((line) => `${printable(line)}\n`).join(''),
    )
    .join('\n');
