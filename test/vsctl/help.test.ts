/** `--help` says enough on one screen, and then everything, of every command and option. */
import test from 'ava';
import { commands } from '../../vsctl/commands.ts';
import { helpText } from '../../vsctl/help.ts';
import { globalOptions } from '../../vsctl/options.ts';

const help = helpText();
const lines = help.split('\n');
/** Of each line that begins an entry, what stands before its description. */
const terms = lines.filter((line) => /^ {2}\S/.test(line)).map((line) => line.trim().replace(/ {2,}.*$/, ''));

test('the first part fits a screen', (t) => {
  const screen = lines.slice(0, lines.indexOf('Open vSwitch:') - 1);
  t.true(screen.length <= 24, `${screen.length} lines`);
  for (const line of screen) t.true(line.length <= 80, line);
});

test('there is an entry for each command, with its options, and it says something', (t) => {
  for (const { name, synopsis, usage, options, about } of commands.values()) {
    const term = terms.find(
      (each) => each.replaceAll(/\[--[^ ]*\] /g, '').split(' ')[0] === name && !each.startsWith('-'),
    );
    t.true(
      terms.some((each) => each.endsWith(`${name} ${synopsis ?? usage}`.trim())),
      name,
    );
    t.not(term, undefined, name);
    for (const option of options)
      t.true(
        terms.some((each) => each.includes(`[${option}`) && each.includes(` ${name}`)),
        option,
      );
    t.true(help.includes(about));
  }
});

test('there is an entry for each option, and it says something', (t) => {
  for (const { name, argument } of globalOptions) {
    const line = lines.find((each) => new RegExp(`^ {2}(-., )?--${name}[ =[]`).test(`${each} `));
    t.regex(line ?? '', argument === 'none' ? /\S {2,}\S/ : /=[A-Z]+/, name);
  }
});
