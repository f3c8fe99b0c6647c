/**
 * What a grid is: buses, branches with a switch, generators and loads, in physical units; impedances in p.u. on the
 * grid's own base. Nothing here computes.
 */

/** `slack` holds voltage and angle, `pv` power and voltage, `pq` power; `isolated` is out of service. */
export type BusKind = "slack" | "pv" | "pq" | "isolated";

export interface Bus {
  /** As the case names it: positive, unique, not necessarily in order. */
  readonly id: number;
  readonly kind: BusKind;
  /** Line to line; 0 where the case does not say. */
  readonly baseKv: number;
  /** Consumed. */
  readonly loadMw: number;
  readonly loadMvar: number;
  /** Consumed, respectively injected, by a shunt at 1 p.u. */
  readonly shuntMw: number;
  readonly shuntMvar: number;
  readonly vMinPu: number;
  readonly vMaxPu: number;
  /** Where an iteration may start; often the case's own solution. */
  readonly vmPu: number;
  readonly vaDeg: number;
}

export interface Branch {
  /** Row of the case, from 1 on: "line 7" of the literature. */
  readonly id: number;
  readonly kind: "line" | "transformer";
  /** Ids of buses; a transformer's tap is on the `from` side. */
  readonly from: number;
  readonly to: number;
  /** Series impedance and charging susceptance (total of the line) in p.u. */
  readonly rPu: number;
  readonly xPu: number;
  readonly bPu: number;
  /** 1 for a line. */
  readonly ratio: number;
  readonly shiftDeg: number;
  /** Infinity where the case gives none. */
  readonly rateMva: number;
  /** The switch: an open branch carries nothing. */
  readonly closed: boolean;
}

export interface Generator {
  readonly bus: number;
  readonly pMw: number;
  readonly qMvar: number;
  readonly qMinMvar: number;
  readonly qMaxMvar: number;
  readonly pMinMw: number;
  readonly pMaxMw: number;
  /** Held at a `slack` or `pv` bus. */
  readonly vSetPu: number;
  readonly inService: boolean;
}

export interface GridData {
  readonly name: string;
  readonly baseMva: number;
  readonly buses: readonly Bus[];
  readonly branches: readonly Branch[];
  readonly generators: readonly Generator[];
}

/** Checked data, with the position of every bus; made by `makeGrid` alone. */
export interface Grid extends GridData {
  /** Position in `buses` by id. */
  readonly indexOf: ReadonlyMap<number, number>;
}

/** What a user's grid has wrong; the message names the element and the field. */
export class GridError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "GridError";
  }
}

/** Throws GridError for the first element that cannot be. */
export function makeGrid(data: GridData): Grid {
  const refuse = (what: string): never => {
    throw new GridError(`${data.name}: ${what}`);
  };
  const finite = (where: string, fields: Readonly<Record<string, number>>): void => {
    for (const [field, value] of Object.entries(fields)) {
      if (!Number.isFinite(value)) refuse(`${where}: ${field}: expected a number, got ${value}`);
    }
  };
  if (!(data.baseMva > 0 && Number.isFinite(data.baseMva)))
    refuse(`baseMva: expected more than 0, got ${data.baseMva}`);
  if (data.buses.length === 0) refuse("buses: expected at least one, got none");
  const indexOf = new Map<number, number>();
  for (const [index, bus] of data.buses.entries()) {
    const { id, kind: _, ...numbers } = bus;
    if (!Number.isSafeInteger(id) || id <= 0) refuse(`bus ${id}: expected a positive integer as its number`);
    if (indexOf.has(id)) refuse(`bus ${id} is there twice`);
    finite(`bus ${id}`, numbers);
    if (!(bus.vmPu > 0)) refuse(`bus ${id}: vmPu: expected more than 0, got ${bus.vmPu}`);
    if (bus.baseKv < 0) refuse(`bus ${id}: baseKv: expected 0 or more, got ${bus.baseKv}`);
    if (bus.vMinPu > bus.vMaxPu) refuse(`bus ${id}: vMinPu ${bus.vMinPu} is above vMaxPu ${bus.vMaxPu}`);
    indexOf.set(id, index);
  }
  for (const branch of data.branches) {
    const where = `branch ${branch.id}`;
    const { id: _, kind: _kind, closed: _closed, rateMva, ...numbers } = branch;
    finite(where, numbers);
    for (const end of ["from", "to"] as const) {
      if (!indexOf.has(branch[end])) refuse(`${where}: ${end}: there is no bus ${branch[end]}`);
    }
    if (branch.from === branch.to) refuse(`${where} leads from bus ${branch.from} to itself`);
    if (branch.rPu === 0 && branch.xPu === 0) refuse(`${where}: rPu and xPu are both 0; join its buses instead`);
    if (!(branch.ratio > 0)) refuse(`${where}: ratio: expected more than 0, got ${branch.ratio}`);
    if (!(rateMva > 0)) refuse(`${where}: rateMva: expected more than 0, got ${rateMva}`);
  }
  for (const [row, generator] of data.generators.entries()) {
    const where = `generator ${row + 1}`;
    if (!indexOf.has(generator.bus)) refuse(`${where}: bus: there is no bus ${generator.bus}`);
    finite(where, { pMw: generator.pMw, qMvar: generator.qMvar, vSetPu: generator.vSetPu });
    if (!(generator.qMinMvar <= generator.qMaxMvar)) {
      refuse(`${where}: qMinMvar ${generator.qMinMvar} is above qMaxMvar ${generator.qMaxMvar}`);
    }
    if (generator.inService && !(generator.vSetPu > 0)) {
      refuse(`${where}: vSetPu: expected more than 0, got ${generator.vSetPu}`);
    }
  }
  if (!data.buses.some(({ kind }) => kind === "slack")) refuse("no bus is the reference (slack, type 3)");
  return { ...data, indexOf };
}

/** The same grid with other switches; `closed` in the order of the branches. Throws RangeError for a wrong length. */
export function withSwitches(grid: Grid, closed: readonly boolean[] | Uint8Array): Grid {
  if (closed.length !== grid.branches.length) {
    throw new RangeError(`closed: expected ${grid.branches.length} switches, got ${closed.length}`);
  }
  const branches = grid.branches.map((branch, i) => ({ ...branch, closed: Boolean(closed[i]) }));
  return { ...grid, branches };
}

/** The same grid with exactly these branches open, by id. Throws RangeError for one that is not there. */
export function withOpen(grid: Grid, open: Iterable<number>): Grid {
  const ids = new Set(open);
  const branches = grid.branches.map((branch) => ({ ...branch, closed: !ids.delete(branch.id) }));
  const [unknown] = ids;
  if (unknown !== undefined) throw new RangeError(`open: there is no branch ${unknown} in ${grid.name}`);
  return { ...grid, branches };
}

/** Watts and volt-amperes reactive of one bus. */
export interface BusLoad {
  readonly mw: number;
  readonly mvar: number;
}

/** The same grid with other loads, by bus id; buses that are not named keep theirs. Throws RangeError for no such bus. */
export function withLoads(grid: Grid, loads: ReadonlyMap<number, BusLoad>): Grid {
  for (const id of loads.keys()) {
    if (!grid.indexOf.has(id)) throw new RangeError(`loads: there is no bus ${id} in ${grid.name}`);
  }
  const buses = grid.buses.map((bus) => {
    const load = loads.get(bus.id);
    return load === undefined ? bus : { ...bus, loadMw: load.mw, loadMvar: load.mvar };
  });
  return { ...grid, buses };
}

/** The same grid with every load multiplied. */
export function withLoadScale(grid: Grid, factor: number): Grid {
  const buses = grid.buses.map((bus) => ({ ...bus, loadMw: bus.loadMw * factor, loadMvar: bus.loadMvar * factor }));
  return { ...grid, buses };
}
