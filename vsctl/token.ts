import { CommandFailure } from './failure.ts';

const delimiters: ReadonlySet<string> = new Set(':=, []{}!<>');
export const isDelimiter = (character: string): boolean => delimiters.has(character);

/** Reads an argument from left to right (ovs-vsctl(8), "Database Values"). */
export class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The whole argument, which error messages begin with. */
  get text(): string {
    return this.#text;
  }
  /** The next character, or '' at the end. */
  get next(): string {
    return this.#text.charAt(this.#at);
  }
  get rest(): string {
    return this.#text.slice(this.#at);
  }

  skip(count: number): void {
    this.#at += count;
  }

  skipSpaces(): void {
    while (/^\s$/.test(this.next)) this.#at++;
  }

  accept(character: string): boolean {
    if (this.next !== character) return false;
    this.#at++;
    return true;
  }

  /**
   * Characters up to a delimiter. A backslash keeps the next character from being one; so do double quotes, which
   * stay in the token, with the escapes inside them, for the string to be unescaped later.
   */
  token(): string {
    const start = this.#at;
    let token = '';
    let quoted = false;
    for (; this.#at < this.#text.length; this.#at++) {
      let character = this.next;
      if (character === '\\') {
        if (quoted) token += character;
        this.#at++;
        character = this.next;
        if (character === '') throw new CommandFailure(`${this.#text.slice(start)}: backslash at end of argument`);
      } else if (character === '"') {
        quoted = !quoted;
      } else if (!quoted && isDelimiter(character)) {
        return token;
      }
      token += character;
    }
    if (quoted) {
      throw new CommandFailure(`${this.#text.slice(start)}: quoted string extends past end of argument`);
    }
    return token;
  }
}

/** As C prints a message whose last character is the end of its argument: cut off there. */
export const quoteNext = (character: string, after: string): string =>
  character === '' ? '"' : `"${character}"${after}`;
