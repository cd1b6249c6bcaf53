/** A list of tables that cannot be understood; the message is for the user. */
export class ExcludedTablesError extends Error {}

/** Tables that a backup does not copy. */
export class ExcludedTables {
  readonly #byDatabase: ReadonlyMap<string, ReadonlySet<string>>;

  /**
   * @param text DB:TABLE, separated by commas or spaces
   * @throws ExcludedTablesError
   */
  constructor(text: string) {
    const byDatabase = new Map<string, Set<string>>();
    for (const name of text.split(/[ ,]+/)) {
      if (name === '') continue;
      const [, database, table] = /^([^:]+):(.+)$/s.exec(name) ?? [];
      if (database === undefined || table === undefined) {
        throw new ExcludedTablesError(`Can't parse excluded table: ${name}`);
      }
      const tables = byDatabase.get(database) ?? new Set();
      byDatabase.set(database, tables.add(table));
    }
    this.#byDatabase = byDatabase;
  }

  has(database: string, table: string): boolean {
    return this.#byDatabase.get(database)?.has(table) === true;
  }

  /** In order, separated by commas. */
  toString(): string {
    const names = [...this.#byDatabase].flatMap(([database, tables]) =>
      [...tables].map((table) => `${database}:${table}`),
    );
    return names.sort().join();
  }
}
