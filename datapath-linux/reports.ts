/** What the aspects tell about rows, put together. Pure. */
import { Datum } from '../schema/datum.ts';
import type { RowReport } from './aspect/aspect.ts';
import type { Columns } from './status.ts';

/** Rows of these tables are written with what else is told about them. */
const joined: ReadonlySet<string> = new Set(['Bridge', 'Port', 'Interface']);

export class Reports {
  /** The reports about rows of other tables. */
  readonly others: readonly RowReport[];
  readonly #byRow = new Map<string, RowReport[]>();

  constructor(reports: readonly RowReport[]) {
    this.others = reports.filter(({ table }) => !joined.has(table));
    for (const report of reports) {
      const key = `${report.table} ${report.uuid}`;
      this.#byRow.set(key, [...(this.#byRow.get(key) ?? []), report]);
    }
  }

  has(table: RowReport['table'], uuid: string): boolean {
    return this.#byRow.size > 0 && this.#byRow.has(`${table} ${uuid}`);
  }

  /** The columns of a row, `status` among them even if nobody has told anything. */
  columns(table: RowReport['table'], uuid: string): Columns {
    return this.addTo(table, uuid, new Map([['status', Datum.empty]]));
  }

  /** `columns`, their `status` widened, and the columns that only aspects write. */
  addTo(table: RowReport['table'], uuid: string, columns: Columns): Columns {
    const reports = this.#byRow.get(`${table} ${uuid}`);
    if (!reports) return columns;
    const result = new Map([...columns, ...reports.flatMap((report) => [...(report.columns ?? [])])]);
    const added = reports.flatMap(({ status }) => (status ? Object.entries(status) : []));
    const status = [...(columns.get('status') ?? Datum.empty).elements(), ...added];
    return result.set('status', Datum.fromElements(status));
  }
}
