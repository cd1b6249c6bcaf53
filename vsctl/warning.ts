/** The first message of every run, its command line, goes to the system log only. */
let sequence = 1;

/** Prints a warning on stderr, in the form of Open vSwitch's log. */
export const warn = (module: string, message: string): void => {
  const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  process.stderr.write(`${time}|${String(++sequence).padStart(5, '0')}|${module}|WARN|${message}\n`);
};
