import { compareStrings } from '../schema/atom.ts';
import type { Column } from '../schema/schema.ts';
import type { RowRef } from './edit.ts';
import { CommandFailure } from './failure.ts';
import type { View } from './view.ts';

/**
 * A bridge: a row of Bridge or, for a fake bridge, the port in another bridge that stands for it (ovs-vsctl(8),
 * "Linux VLAN Bridging Compatibility").
 */
export interface Bridge {
  readonly name: string;
  /** The row of Bridge: of a fake bridge, its parent's. */
  readonly row: RowRef;
  readonly fake: { readonly port: RowRef; readonly parent: Bridge; readonly vlan: number } | undefined;
}

export interface Port {
  readonly name: string;
  readonly row: RowRef;
  /** The fake bridge, if the port is on the VLAN of one. */
  readonly bridge: Bridge;
}

export interface Interface {
  readonly name: string;
  readonly row: RowRef;
  readonly port: Port;
}

/** The switch as the commands name its parts: bridges, ports and interfaces by name, and how they hang together. */
export class Model {
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
  }

  #column(table: string, name: string): Column {
    return this.#view.column(table, name);
  }

  /** The bridge of that name, real or fake. */
  findBridge(name: string): Bridge | undefined {
    this.#wantName(name, 'Bridge', 'Port');
    const row = this.#byName('Bridge', name);
    if (row !== undefined && this.#isPart(row)) return { name, row, fake: undefined };
    const port = this.#byName('Port', name);
    return port === undefined ? undefined : this.#fakeBridge(port);
  }

  /** @throws CommandFailure */
  bridge(name: string): Bridge {
    const bridge = this.findBridge(name);
    if (bridge === undefined) throw new CommandFailure(`no bridge named ${name}`);
    return bridge;
  }

  /** @throws CommandFailure */
  realBridge(name: string): Bridge {
    const bridge = this.bridge(name);
    if (bridge.fake !== undefined) throw new CommandFailure(`${name} is a fake bridge`);
    return bridge;
  }

  findPort(name: string): Port | undefined {
    const row = this.#byName('Port', name);
    if (row === undefined) return undefined;
    const parent = this.#bridgeRow(row);
    return parent === undefined ? undefined : { name, row, bridge: this.#bridgeOfPort(row, this.#real(parent)) };
  }

  /** @throws CommandFailure */
  port(name: string): Port {
    const port = this.findPort(name);
    if (port === undefined) throw new CommandFailure(`no port named ${name}`);
    return port;
  }

  findInterface(name: string): Interface | undefined {
    const row = this.#byName('Interface', name);
    if (row === undefined) return undefined;
    const [holder] = this.#holders('Port', 'interfaces', row);
    const port = holder && this.findPort(this.nameOf(holder));
    return port && { name, row, port };
  }

  /** @throws CommandFailure */
  interface(name: string): Interface {
    const found = this.findInterface(name);
    if (found === undefined) throw new CommandFailure(`no interface named ${name}`);
    return found;
  }

  /**
   * Insists that nothing has that name.
   * @throws CommandFailure "<message> because …"
   */
  checkConflicts(name: string, message: string): void {
    this.#wantName(name, 'Bridge', 'Port', 'Interface');
    if (this.findBridge(name) !== undefined) {
      throw new CommandFailure(`${message} because a bridge named ${name} already exists`);
    }
    const port = this.findPort(name);
    if (port !== undefined) {
      throw new CommandFailure(`${message} because a port named ${name} already exists on bridge ${port.bridge.name}`);
    }
    const found = this.findInterface(name);
    if (found !== undefined) {
      const { bridge } = found.port;
      throw new CommandFailure(`${message} because an interface named ${name} already exists on bridge ${bridge.name}`);
    }
  }

  realBridges(): Bridge[] {
    const name = this.#column('Bridge', 'name');
    const rows = this.#view.all(this.#view.table('Bridge'), [name]);
    return rows.filter((row) => this.#isPart(row)).map((row) => this.#real(row));
  }

  /** Whether the switch has that bridge. In the database it has them all; not so those that this run makes. */
  #isPart(bridge: RowRef): boolean {
    const [root] = this.#view.changedRows(this.#view.table('Open_vSwitch'));
    if (root !== undefined) return this.#view.has(root, this.#column('Open_vSwitch', 'bridges'), bridge.uuid);
    return !this.#view.isNew(bridge.uuid);
  }

  /** All fake bridges; or those of one real bridge; or the one of a real bridge on a VLAN. */
  fakeBridges(parent?: Bridge, vlan?: number): Bridge[] {
    const bridges: Bridge[] = [];
    for (const port of this.#fakePorts()) {
      if (vlan !== undefined && this.#vlan(port) !== vlan) continue;
      const bridge = this.#fakeBridge(port);
      if (bridge !== undefined && (parent === undefined || bridge.row === parent.row)) bridges.push(bridge);
    }
    return bridges;
  }

  /**
   * Ports of a bridge, without its local port, in the order of their names.
   * @param columns columns of theirs that will be read next
   */
  ports(bridge: Bridge, columns: readonly Column[] = []): Port[] {
    const rows = this.#portRows(bridge.row, columns);
    const fakeByVlan = new Map(this.fakeBridges(this.#real(bridge.row)).map((each) => [each.fake?.vlan, each]));
    const ports: Port[] = [];
    for (const row of rows) {
      const holder = fakeByVlan.get(this.#vlan(row)) ?? this.#real(bridge.row);
      const name = this.nameOf(row);
      if (holder.name === bridge.name && name !== bridge.name) ports.push({ name, row, bridge: holder });
    }
    return ports.sort((a, b) => compareStrings(a.name, b.name));
  }

  /** The ports of a real bridge on a VLAN. Changes are made only if they still are all there are. */
  portsOnVlan(bridge: RowRef, vlan: number): RowRef[] {
    const [tag, ports] = [this.#column('Port', 'tag'), this.#column('Bridge', 'ports')];
    this.#view.load([bridge], [ports]);
    const inBridge = this.#view.get(bridge, ports);
    const tagged = this.#view.select(this.#view.table('Port'), tag, vlan, this.#portColumns());
    return tagged.filter(({ uuid }) => inBridge.has(uuid));
  }

  /** Interfaces of the bridge's ports, without that of its local port, in the order of their names. */
  interfaces(bridge: Bridge): Interface[] {
    const column = this.#column('Port', 'interfaces');
    const ports = this.ports(bridge, [column]);
    const interfaces = ports.flatMap((port) => this.references(port.row, column).map((row) => ({ row, port })));
    this.#view.load(
      interfaces.map(({ row }) => row),
      [this.#column('Interface', 'name')],
    );
    return interfaces
      .map(({ row, port }) => ({ name: this.nameOf(row), row, port }))
      .filter(({ name }) => name !== bridge.name)
      .sort((a, b) => compareStrings(a.name, b.name));
  }

  /** The names of a port's interfaces, in order. */
  interfaceNames({ row }: Port): string[] {
    const rows = this.references(row, this.#column('Port', 'interfaces'));
    this.#view.load(rows, [this.#column('Interface', 'name')]);
    return rows.map((each) => this.nameOf(each)).sort(compareStrings);
  }

  /** Every port row of a real bridge, with name, VLAN and these columns read. */
  #portRows(bridge: RowRef, columns: readonly Column[]): RowRef[] {
    const rows = this.references(bridge, this.#column('Bridge', 'ports'));
    this.#view.load(rows, [this.#column('Port', 'name'), this.#column('Port', 'tag'), ...columns]);
    return rows;
  }

  /** The rows that a column refers to. */
  references(row: RowRef, column: Column): RowRef[] {
    const { refTable } = column.type.value ?? column.type.key;
    if (refTable === undefined) return [];
    const table = this.#view.table(refTable);
    return [...this.#view.get(row, column).elements()].map(([key, value]) =>
      this.#view.reference(table, String(value ?? key)),
    );
  }

  nameOf(row: RowRef): string {
    return String(this.#view.scalar(row, row.table.column('name')) ?? '');
  }

  #portColumns(): Column[] {
    return ['name', 'tag', 'fake_bridge', 'interfaces'].map((name) => this.#column('Port', name));
  }

  /** What may go by a name is read together. */
  #wantName(name: string, ...tables: ('Bridge' | 'Port' | 'Interface')[]): void {
    for (const table of tables) {
      this.#view.wantSelect(this.#view.table(table), this.#column(table, 'name'), name, this.#namedColumns(table));
    }
  }

  #namedColumns(table: string): Column[] {
    return table === 'Port' ? this.#portColumns() : [];
  }

  #byName(table: string, name: string): RowRef | undefined {
    const column = this.#column(table, 'name');
    return this.#view.select(this.#view.table(table), column, name, this.#namedColumns(table))[0];
  }

  /** The rows whose set has that row: one, in a database in good order. */
  #holders(table: string, column: string, { uuid }: RowRef): RowRef[] {
    return this.#view.select(this.#view.table(table), this.#column(table, column), uuid, [this.#column(table, 'name')]);
  }

  /** The bridge that a port is in. */
  #bridgeRow(port: RowRef): RowRef | undefined {
    return this.#holders('Bridge', 'ports', port).find((bridge) => this.#isPart(bridge));
  }

  #real(row: RowRef): Bridge {
    return { name: this.nameOf(row), row, fake: undefined };
  }

  #vlan(port: RowRef): number | undefined {
    const tag = this.#view.scalar(port, this.#column('Port', 'tag'));
    return typeof tag === 'number' ? tag : undefined;
  }

  #fakePorts(): RowRef[] {
    const { table, column } = { table: this.#view.table('Port'), column: this.#column('Port', 'fake_bridge') };
    return this.#view.select(table, column, true, this.#portColumns());
  }

  /** The fake bridge that a port stands for, if it is such a port. */
  #fakeBridge(port: RowRef): Bridge | undefined {
    const fakeBridge = this.#column('Port', 'fake_bridge');
    const vlan = this.#vlan(port);
    for (const column of [fakeBridge, this.#column('Port', 'tag')]) this.#view.guard(port, column);
    if (this.#view.scalar(port, fakeBridge) !== true || vlan === undefined) return undefined;
    const holder = this.#bridgeRow(port);
    if (holder === undefined) return undefined;
    const parent = this.#real(holder);
    return { name: this.nameOf(port), row: holder, fake: { port, parent, vlan } };
  }

  #bridgeOfPort(port: RowRef, real: Bridge): Bridge {
    const vlan = this.#vlan(port);
    if (vlan === undefined) return real;
    this.#view.guard(port, this.#column('Port', 'tag'));
    return this.fakeBridges(real, vlan)[0] ?? real;
  }
}
