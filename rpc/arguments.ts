import type { Command, Option } from 'commander';

/**
 * Command lines as getopt_long() of the C programs reads them, which commander does not: a long option may be
 * abbreviated as long as that is unambiguous, and an option whose argument is optional only takes it from the same word
 * (`--log-file=F`, `-vinfo`).
 * @param argv without the interpreter and the script
 */
export const completeArguments = (argv: readonly string[], { options }: Command): string[] => {
  const end = argv.indexOf('--');
  const head = end < 0 ? argv : argv.slice(0, end);
  const completed: string[] = [];
  for (let at = 0; at < head.length; at++) {
    const word = head[at] ?? '';
    const option = word.startsWith('--') ? longOption(word, options) : shortOption(word, options);
    if (option === undefined) {
      completed.push(word);
      continue;
    }
    completed.push(complete(word, option));
    // The argument of an option is not looked at, even when it begins with a dash.
    if (option.required && !hasArgument(word)) completed.push(...head.slice(++at, at + 1));
  }
  return end < 0 ? completed : [...completed, ...argv.slice(end)];
};

const hasArgument = (word: string): boolean => (word.startsWith('--') ? word.includes('=') : word.length > 2);

const complete = (word: string, option: Option): string => {
  if (!word.startsWith('--')) return option.optional && word.length === 2 ? `${option.long}=` : word;
  const equals = word.indexOf('=');
  if (equals >= 0) return `${option.long}${word.slice(equals)}`;
  return option.optional ? `${option.long}=` : (option.long ?? word);
};

const longOption = (word: string, options: readonly Option[]): Option | undefined => {
  const [name = ''] = word.split('=', 1);
  const exact = options.find(({ long }) => long === name);
  if (exact !== undefined) return exact;
  const candidates = options.filter(({ long }) => long?.startsWith(name) === true);
  return candidates.length === 1 ? candidates[0] : undefined;
};

const shortOption = (word: string, options: readonly Option[]): Option | undefined =>
  /^-[^-]/.test(word) ? options.find(({ short }) => short === word.slice(0, 2)) : undefined;
