import type { Datum } from '../schema/datum.ts';
import { formatJson, type Json, parseJson } from '../schema/json.ts';
import { prettyJson } from '../schema/pretty-json.ts';
import { printBareDatum, printDatum } from '../schema/print.ts';
import type { ColumnType } from '../schema/type.ts';
import { type Option, UsageError } from './options.ts';

/** What stands in a table: nothing, a text, JSON, or the value of a column, which is printed as `--data` says. */
export type Cell = undefined | string | { readonly json: Json } | { readonly datum: Datum; readonly type: ColumnType };

/** A table to print. */
export interface Table {
  readonly caption?: string;
  /** When its content was true; printed above it. */
  readonly time?: Date;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const dataStyles = {
  string: printDatum,
  bare: printBareDatum,
  json: (datum, type) => formatJson(parseJson(datum.text(type)), true),
} satisfies { [style: string]: (datum: Datum, type: ColumnType) => string };
type DataStyle = keyof typeof dataStyles;

/** How tables are printed; the options of the same names set it. */
export interface TableStyle {
  format: Format;
  data: DataStyle;
  headings: boolean;
  /** JSON for people. */
  pretty: boolean;
  /** Bytes; 0 is no limit. Concerns the format `table` only. */
  maxColumnWidth: number;
}

export const tableStyle = (format: Format): TableStyle => ({
  format,
  data: 'string',
  headings: true,
  pretty: false,
  maxColumnWidth: 0,
});

/** Prints the tables of one run of a program, which puts a blank line between them. */
export class TablePrinter {
  readonly #style: TableStyle;
  #printed = false;

  constructor(style: TableStyle) {
    this.#style = style;
  }

  print(table: Table): string {
    const { separated, print } = formats[this.#style.format];
    const blank = separated && this.#printed ? '\n' : '';
    if (separated) this.#printed = true;
    return blank + print(table, this.#style);
  }
}

interface FormatRow {
  /** Whether a blank line stands between two tables. */
  readonly separated: boolean;
  readonly print: (table: Table, style: TableStyle) => string;
}

const cellText = (cell: Cell, { data }: TableStyle): string => {
  if (cell === undefined) return '';
  if (typeof cell === 'string') return cell;
  return 'json' in cell ? formatJson(cell.json, true) : dataStyles[data](cell.datum, cell.type);
};
const cellTexts = ({ rows }: Table, style: TableStyle): string[][] =>
  rows.map((row) => row.map((cell) => cellText(cell, style)));

const timeText = (time: Date): string => time.toISOString().slice(0, 23).replace('T', ' ');
const timeLine = ({ time }: Table): string => (time === undefined ? '' : `${timeText(time)}\n`);
const captionLine = ({ caption }: Table): string => (caption === undefined ? '' : `${caption}\n`);
const lines = (texts: readonly string[]): string => texts.map((text) => `${text}\n`).join('');

/** Widths count bytes, as printf() does. */
const byteLength = (text: string): number => Buffer.byteLength(text);
const fit = (text: string, width: number): string => {
  let fitted = text;
  if (byteLength(text) > width) {
    fitted = '';
    for (const character of text) {
      if (byteLength(fitted + character) > width) break;
      fitted += character;
    }
  }
  return fitted + ' '.repeat(width - byteLength(fitted));
};

const printTable = (table: Table, style: TableStyle): string => {
  const { headings } = table;
  const texts = cellTexts(table, style);
  const limit = style.maxColumnWidth > 0 ? style.maxColumnWidth : Infinity;
  const widths = headings.map((heading, x) => {
    const widest = texts.reduce((max, row) => Math.max(max, byteLength(row[x] ?? '')), 0);
    return Math.max(Math.min(widest, limit), style.headings ? byteLength(heading) : 0);
  });
  const line = (cells: readonly string[]) =>
    widths
      .map((width, x) => fit(cells[x] ?? '', width))
      .join(' ')
      .replace(/ +$/, '');
  const head = style.headings ? [line(headings), line(widths.map((width) => '-'.repeat(width)))] : [];
  return timeLine(table) + captionLine(table) + lines([...head, ...texts.map(line)]);
};

const printList = (table: Table, style: TableStyle): string => {
  const rows = cellTexts(table, style).map((row) =>
    lines(row.map((text, x) => (style.headings ? `${(table.headings[x] ?? '').padEnd(20)}: ${text}` : text))),
  );
  return timeLine(table) + captionLine(table) + rows.join('\n');
};

const csvCell = (text: string): string => (/[\n",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const printCsv = (table: Table, style: TableStyle): string => {
  const rows = [...(style.headings ? [table.headings] : []), ...cellTexts(table, style)];
  return timeLine(table) + captionLine(table) + lines(rows.map((row) => row.map(csvCell).join()));
};

const entities: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
]);
const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => entities.get(character) ?? '');
const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;

/** UUIDs in the text become links to the rows that they name. */
const htmlCell = (element: string, text: string): string => {
  const linked = escapeHtml(text).replace(uuidPattern, (uuid) => `<a href="#${uuid}">${uuid.slice(0, 8)}</a>`);
  return `    <${element}>${linked}</${element}>\n`;
};
const htmlRow = (cells: readonly string[]): string => `  <tr>\n${cells.join('')}  </tr>\n`;
const printHtml = (table: Table, style: TableStyle): string => {
  const { caption, headings } = table;
  const cell = (text: string, x: number) =>
    headings[x] === '_uuid'
      ? `    <td><a name="${escapeHtml(text)}">${escapeHtml(text.slice(0, 8))}</a></td>\n`
      : htmlCell('td', text);
  const head = style.headings ? htmlRow(headings.map((heading) => htmlCell('th', heading))) : '';
  const rows = cellTexts(table, style).map((row) => htmlRow(row.map(cell)));
  const captionCell = caption === undefined ? '' : htmlCell('caption', caption);
  return `${timeLine(table)}<table border=1>\n${captionCell}${head}${rows.join('')}</table>\n`;
};

const cellJson = (cell: Cell): Json => {
  if (cell === undefined) return null;
  if (typeof cell === 'string') return cell;
  return 'json' in cell ? cell.json : parseJson(cell.datum.text(cell.type));
};
const printJson = ({ caption, time, headings, rows }: Table, { pretty }: TableStyle): string => {
  const json: Json = {
    ...(caption !== undefined && { caption }),
    ...(time !== undefined && { time: timeText(time) }),
    headings,
    data: rows.map((row) => row.map(cellJson)),
  };
  return `${pretty ? prettyJson(json) : formatJson(json, true)}\n`;
};

const formats = {
  table: { separated: true, print: printTable },
  list: { separated: true, print: printList },
  html: { separated: false, print: printHtml },
  csv: { separated: true, print: printCsv },
  json: { separated: false, print: printJson },
} satisfies { [format: string]: FormatRow };
export type Format = keyof typeof formats;

export const isFormat = (word: string): word is Format => Object.hasOwn(formats, word);
export const isDataStyle = (word: string): word is DataStyle => Object.hasOwn(dataStyles, word);

const setFormat = (style: TableStyle, word: string): void => {
  if (!isFormat(word)) throw new UsageError(`unknown output format "${word}"`);
  style.format = word;
};
const setDataStyle = (style: TableStyle, word: string): void => {
  if (!isDataStyle(word)) throw new UsageError(`unknown data format "${word}"`);
  style.data = word;
};

/** The options that say how tables are printed, for a program that keeps the style in its settings. */
export const tableOptions: readonly Option<{ readonly style: TableStyle }>[] = [
  { long: 'format', short: 'f', argument: 'required', apply: ({ style }, value) => setFormat(style, value) },
  { long: 'data', short: 'd', argument: 'required', apply: ({ style }, value) => setDataStyle(style, value) },
  {
    long: 'no-headings',
    apply: ({ style }) => {
      style.headings = false;
    },
  },
  {
    long: 'pretty',
    apply: ({ style }) => {
      style.pretty = true;
    },
  },
  {
    long: 'bare',
    apply: ({ style }) => {
      style.format = 'list';
      style.data = 'bare';
      style.headings = false;
    },
  },
  {
    long: 'max-column-width',
    argument: 'required',
    apply: ({ style }, value) => {
      style.maxColumnWidth = Number.parseInt(value, 10) || 0;
    },
  },
];
