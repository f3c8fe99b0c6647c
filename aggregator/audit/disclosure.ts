/**
 * An independent look at what was released: does any linear combination of totals leave fewer than s slots of one meter
 * alone, or fewer than k meters of one slot? It knows nothing of the release rules; totals are rows of cells, and the
 * question is asked of the rows by linear algebra.
 */
import { lightest, type SearchLimits } from "./lightest.ts";
import { Equations, modulo, PRIME, type SparseRow } from "./linear.ts";

/** One released number: the sum of these cells. */
export interface Total {
  readonly name: string;
  readonly cells: readonly number[];
}

const METERS = 2 ** 20;

/** `meter`: 0 to 2^20 - 1; `slot`: up to 2^32. */
export function cellOf(meter: number, slot: number): number {
  return slot * METERS + meter;
}

export function meterOf(cell: number): number {
  return cell % METERS;
}

export function slotOf(cell: number): number {
  return Math.floor(cell / METERS);
}

export interface Finding {
  readonly of: "meter" | "slot";
  /** The meter, or the slot. */
  readonly target: number;
  readonly cells: readonly number[];
  /** Whether nothing smaller exists; otherwise nothing smaller was found. */
  readonly exact: boolean;
  /** Weights of totals that leave just these cells. */
  readonly combination: readonly { readonly total: string; readonly weight: number }[];
}

export interface Disclosure {
  readonly totals: number;
  readonly cells: number;
  /** The fewest slots of one meter, and the fewest meters of one slot; undefined where no combination leaves any. */
  readonly ofMeter: Finding | undefined;
  readonly ofSlot: Finding | undefined;
}

export interface AuditOptions extends SearchLimits {
  /** Called with the targets looked at and all of them. */
  readonly progress?: (done: number, all: number) => void;
}

/** Throws RangeError for a total that holds a cell twice. */
export function auditTotals(totals: readonly Total[], options: AuditOptions): Disclosure {
  const groups = connected(totals);
  const work = groups.flatMap((group) => targetsOf(group).map((target) => ({ group, ...target })));
  let [ofMeter, ofSlot]: (Finding | undefined)[] = [];
  for (const [done, { group, of, target }] of work.entries()) {
    options.progress?.(done, work.length);
    const best = of === "meter" ? ofMeter : ofSlot;
    const found = smallestOf(group, of, target, options);
    if (found === undefined || (best !== undefined && best.cells.length <= found.cells.length)) continue;
    if (of === "meter") ofMeter = found;
    else ofSlot = found;
  }
  options.progress?.(work.length, work.length);
  const cells = groups.reduce((sum, { columns }) => sum + columns.size, 0);
  return { totals: totals.length, cells, ofMeter, ofSlot };
}

/** Totals that hang together by shared cells. */
interface Group {
  readonly totals: readonly Total[];
  /** The totals of each cell, as positions in `totals`. */
  readonly columns: ReadonlyMap<number, readonly number[]>;
}

/** No combination needs totals of two groups to leave something small: each group's part does it alone. */
function connected(totals: readonly Total[]): Group[] {
  const parent = totals.map((_, index) => index);
  const root = (index: number): number => {
    let at = index;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  };
  const first = new Map<number, number>();
  for (const [index, { cells }] of totals.entries()) {
    for (const cell of cells) {
      const other = first.get(cell);
      if (other === undefined) first.set(cell, index);
      else parent[root(index)] = root(other);
    }
  }
  const members = new Map<number, Total[]>();
  for (const [index, total] of totals.entries()) {
    const list = members.get(root(index));
    if (list === undefined) members.set(root(index), [total]);
    else list.push(total);
  }
  return [...members.values()].map((group) => ({ totals: group, columns: columnsOf(group) }));
}

function columnsOf(totals: readonly Total[]): Map<number, number[]> {
  const columns = new Map<number, number[]>();
  for (const [index, { name, cells }] of totals.entries()) {
    for (const cell of cells) {
      const column = columns.get(cell);
      if (column === undefined) columns.set(cell, [index]);
      else if (column.at(-1) === index) {
        throw new RangeError(`${name}: holds meter ${meterOf(cell)} in slot ${slotOf(cell)} twice`);
      } else column.push(index);
    }
  }
  return columns;
}

interface Target {
  readonly of: "meter" | "slot";
  readonly target: number;
}

/**
 * One of each kind of meter and of slot: whoever looks alike, down to the names of totals that hold nothing of others,
 * gives the same answer, since exchanging the two changes no total but its name.
 */
function targetsOf(group: Group): Target[] {
  return (["meter", "slot"] as const).flatMap((of) => {
    const [place, other] = of === "meter" ? [meterOf, slotOf] : [slotOf, meterOf];
    const own = ownTotals(group, place);
    const looks = new Map<number, { readonly words: string[]; readonly names: Map<number, number> }>();
    for (const [cell, column] of [...group.columns].sort(([a], [b]) => other(a) - other(b))) {
      const at = place(cell);
      let look = looks.get(at);
      if (look === undefined) looks.set(at, (look = { words: [], names: new Map() }));
      const { names } = look;
      const words = column.map((total) => {
        if (!own.has(total)) return `${total}`;
        const name = names.get(total) ?? names.size;
        names.set(total, name);
        return `own ${name}`;
      });
      look.words.push(`${other(cell)}: ${words.sort().join()}`);
    }
    const kinds = new Map<string, number>();
    for (const [at, { words }] of looks) kinds.set(words.join(";"), at);
    return [...kinds.values()].map((target) => ({ of, target }));
  });
}

/** Totals whose cells are all of one meter, or all of one slot. */
function ownTotals({ totals }: Group, place: (cell: number) => number): Set<number> {
  const own = new Set<number>();
  for (const [index, { cells }] of totals.entries()) {
    if (cells.every((cell) => place(cell) === place(cells[0]!))) own.add(index);
  }
  return own;
}

function rowOf(column: readonly number[]): SparseRow {
  return new Map(column.map((total) => [total, 1]));
}

function smallestOf(group: Group, of: "meter" | "slot", target: number, limits: SearchLimits): Finding | undefined {
  const place = of === "meter" ? meterOf : slotOf;
  const equations = new Equations();
  const inside: [cell: number, column: readonly number[]][] = [];
  const demanded = new Set<string>();
  for (const [cell, column] of group.columns) {
    if (place(cell) === target) {
      inside.push([cell, column]);
      continue;
    }
    const key = column.join();
    if (demanded.has(key)) continue;
    demanded.add(key);
    equations.demand(rowOf(column));
  }
  const cells = inside.map(([cell, column]) => ({ cell, row: equations.express(rowOf(column)) }));
  const found = lightest(cells, limits);
  if (found === undefined) return undefined;
  const { values, exact } = found;
  const combination = group.totals.flatMap(({ name }, index) => {
    let weight = 0;
    for (const [unknown, coefficient] of equations.express(new Map([[index, 1]]))) {
      weight = modulo(weight + coefficient * (values.get(unknown) ?? 0));
    }
    if (weight === 0) return [];
    return [{ total: name, weight: weight > PRIME / 2 ? weight - PRIME : weight }];
  });
  return { of, target, cells: found.cells, exact, combination };
}
