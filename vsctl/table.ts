import type { Datum } from '../schema/datum.ts';
import { formatJson, type Json, type OutJson, parseJson } from '../schema/json.ts';
import type { ColumnType } from '../schema/type.ts';
import { printBare, printValue } from './value.ts';

/** What `list` and `find` print: columns of rows. */
export interface Table {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export interface Cell {
  readonly type: ColumnType;
  readonly datum: Datum;
}

export const dataFormats = ['string', 'bare', 'json'] as const;
export type DataFormat = (typeof dataFormats)[number];

export interface TableStyle {
  readonly format: TableFormat;
  readonly data: DataFormat;
  readonly headings: boolean;
  readonly pretty: boolean;
  /** Columns of a `table` are no wider than that, or 0. */
  readonly maxColumnWidth: number;
}

const printers: { readonly [format in DataFormat]: (cell: Cell) => string } = {
  string: ({ datum, type }) => printValue(datum, type),
  bare: ({ datum, type }) => printBare(datum, type),
  json: ({ datum, type }) => datum.text(type),
};

type Format = (table: Table, style: TableStyle, nth: number) => string;

const formats = {
  table: (table, style, nth) => {
    const rows = table.rows.map((cells) => cells.map(printers[style.data]));
    return (nth > 0 ? '\n' : '') + alignedText(table.headings, rows, style);
  },
  list: (table, style, nth) => {
    const records = table.rows.map((cells) => listRecord(table.headings, cells, style));
    return records.map((record, i) => (nth + i > 0 ? `\n${record}` : record)).join('');
  },
  html: (table, style) => htmlText(table, style),
  csv: (table, style, nth) => {
    const rows = table.rows.map((cells) => cells.map(printers[style.data]));
    const lines = style.headings ? [table.headings, ...rows] : rows;
    return (nth > 0 ? '\n' : '') + lines.map((line) => `${line.map(csvCell).join()}\n`).join('');
  },
  json: ({ headings, rows }, { pretty }) => {
    const data = rows.map((cells) => cells.map(({ datum, type }) => parseJson(datum.text(type))));
    const json = { data, headings };
    return `${pretty ? prettyJson(json) : formatJson(json)}\n`;
  },
} satisfies { [format: string]: Format };
export type TableFormat = keyof typeof formats;
export const isTableFormat = (name: string): name is TableFormat => Object.hasOwn(formats, name);
export const isDataFormat = (name: string): name is DataFormat => dataFormats.some((format) => format === name);

/** Prints tables one after another, as one program run does: all but the first are set off by a blank line. */
export class TablePrinter {
  readonly #style: TableStyle;
  #printed = 0;
  constructor(style: TableStyle) {
    this.#style = style;
  }

  print(table: Table): string {
    const nth = this.#printed;
    this.#printed += this.#style.format === 'list' ? table.rows.length : 1;
    return formats[this.#style.format](table, this.#style, nth);
  }
}

const listRecord = (headings: readonly string[], cells: readonly Cell[], style: TableStyle): string =>
  cells
    .map((cell, i) => {
      const heading = style.headings ? `${(headings[i] ?? '').padEnd(20)}: ` : '';
      return `${heading}${printers[style.data](cell)}\n`;
    })
    .join('');

const lengthOf = (text: string): number => [...text].length;
const padTo = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - lengthOf(text)));

const alignedText = (headings: readonly string[], rows: readonly string[][], style: TableStyle): string => {
  const limit = style.maxColumnWidth > 0 ? style.maxColumnWidth : Infinity;
  const widths = headings.map((heading, i) => {
    const widest = rows.reduce((width, row) => Math.max(width, lengthOf(row[i] ?? '')), 0);
    return Math.max(style.headings ? lengthOf(heading) : 0, Math.min(widest, limit));
  });
  const line = (cells: readonly string[]): string => {
    const cut = cells.map((cell, i) => [...cell].slice(0, widths[i]).join(''));
    const padded = cut.map((cell, i) => padTo(cell, widths[i] ?? 0)).join(' ');
    return `${padded.replace(/ +$/, '')}\n`;
  };
  const rule = widths.map((width) => '-'.repeat(width));
  return [...(style.headings ? [headings, rule] : []), ...rows].map(line).join('');
};

const csvCell = (text: string): string => (/[\n",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const entities: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
]);
const escapeHtml = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => entities.get(character) ?? character);

const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Uuids become links: from where they stand to the row that has them. */
const htmlCell = ({ heading, text }: { heading: string; text: string }): string => {
  const attribute = heading === '_uuid' ? 'name="' : 'href="#';
  return escapeHtml(text).replace(uuidPattern, (uuid) => `<a ${attribute}${uuid}">${uuid.slice(0, 8)}</a>`);
};

const htmlText = ({ headings, rows }: Table, style: TableStyle): string => {
  const row = (element: string, cells: readonly string[]) =>
    `  <tr>\n${cells.map((cell) => `    <${element}>${cell}</${element}>\n`).join('')}  </tr>\n`;
  const head = style.headings ? row('th', headings.map(escapeHtml)) : '';
  const body = rows.map((cells) =>
    row(
      'td',
      cells.map((cell, i) => htmlCell({ heading: headings[i] ?? '', text: printers[style.data](cell) })),
    ),
  );
  return `<table border=1>\n${head}${body.join('')}</table>\n`;
};

/** JSON with one member to a line, indented by two; brackets close where their last member ends. */
const prettyJson = (json: OutJson | Json, indent = ''): string => {
  const inner = `${indent}  `;
  if (Array.isArray(json)) {
    if (json.length === 0) return '[]';
    return `[\n${json.map((each) => inner + prettyJson(each, inner)).join(',\n')}]`;
  }
  if (typeof json === 'object' && json !== null) {
    const members = Object.entries(json);
    if (members.length === 0) return '{}';
    return `{\n${members.map(([name, value]) => `${inner}${JSON.stringify(name)}: ${prettyJson(value ?? null, inner)}`).join(',\n')}}`;
  }
  return formatJson(json);
};
