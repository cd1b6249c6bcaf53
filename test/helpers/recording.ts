import { formatJson, type Json } from '../../schema/json.ts';
import { type Case, type CaseFile, writeCaseFile } from './case-file.ts';

/** Whether expectations are to be recorded anew from the C server, rather than compared (`UPDATE=1`). */
export const isRecording = Boolean(process.env.UPDATE);

/** What a case says in place of an answer where the C server of that version falls over. */
export const crashes = 'crashes';

export type Answers = ReadonlyMap<string, readonly Json[]>;

/** One line for each case and each answer, names of members sorted: what a failed comparison shows. */
const lines = (name: string, answers: readonly (Json | undefined)[]): string[] => [
  `## ${name}`,
  ...answers.map((answer) => (answer === undefined ? '(not recorded)' : formatJson(answer, true))),
];

export const answerLines = (answers: Answers): string[] => [...answers].flatMap(([name, each]) => lines(name, each));

/** What the C server of version 3.1.0 is known to answer. */
export const linesOfC = ({ cases }: CaseFile): string[] =>
  cases
    .filter((each) => !crashesC(each))
    .flatMap(({ name, steps }) =>
      lines(
        name,
        steps.map(({ c310, expected }) => c310 ?? expected),
      ),
    );

/** What our server must answer. */
export const expectedLines = ({ cases }: CaseFile): string[] =>
  cases.flatMap(({ name, steps }) =>
    lines(
      name,
      steps.map(({ expected }) => expected),
    ),
  );

export const crashesC = ({ steps }: Case): boolean => steps.some(({ c310 }) => c310 === crashes);

/** Writes a case file with the C server's answers as what is expected. */
export const record = (file: CaseFile, answers: Answers): void => {
  const cases = file.cases.map((each) => ({
    ...each,
    steps: each.steps.map((step, i) => {
      const answer = answers.get(each.name)?.[i];
      if (answer === undefined) return step;
      return step.c310 === undefined ? { ...step, expected: answer } : { ...step, c310: answer };
    }),
  }));
  writeCaseFile({ ...file, cases });
};
