import { formatJson, type Json } from '../../schema/json.ts';
import { type CaseFile, writeCaseFile } from './case-file.ts';

/** Whether expectations are to be recorded anew from the C server, rather than compared (`UPDATE=1`). */
export const isRecording = Boolean(process.env.UPDATE);

/** One line for each answer, names sorted: what a failed comparison shows. */
export const answerLines = (answers: readonly (Json | undefined)[]): string[] =>
  answers.map((answer) => (answer === undefined ? '(not recorded)' : formatJson(answer, true)));

/** The C server's answers to the cases of a file, by case, written to the file at the end. */
export class Recording {
  readonly #file: CaseFile;
  readonly #answers = new Map<string, readonly Json[]>();

  constructor(file: CaseFile) {
    this.#file = file;
  }

  add(name: string, answers: readonly Json[]): void {
    this.#answers.set(name, answers);
  }

  write(): void {
    const cases = this.#file.cases.map((each) => ({
      ...each,
      steps: each.steps.map((step, i) => {
        const answer = this.#answers.get(each.name)?.[i];
        if (answer === undefined) return step;
        return step.c310 === undefined ? { ...step, expected: answer } : { ...step, c310: answer };
      }),
    }));
    writeCaseFile({ ...this.#file, cases });
  }
}
