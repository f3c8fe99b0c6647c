/** MATPOWER's tables to a grid, every fault with its line. */
import { type Branch, type Bus, type BusKind, type Generator, type Grid, GridError, makeGrid } from "../model/grid.ts";
import { COLUMN, type Field, MatpowerError, type MatpowerCase, type Row, type TableName } from "./fields.ts";
import { parseMatpower } from "./parse.ts";

/** MW, Mvar and p.u. beyond which a figure is a slip, and would make every other one look like 0. */
const MOST = 1e9;
const LEAST_IMPEDANCE = 1e-9;
/** Lines beside each other are few: more branches than this are no grid. */
const BRANCHES_A_BUS = 10;
const MOST_FEW = 1_000;

const KINDS: readonly BusKind[] = ["pq", "pv", "slack", "isolated"];

/** The grid of a MATPOWER case; `file` is named in faults. Throws MatpowerError. */
export function readMatpower(text: string, file: string): Grid {
  const parsed = parseMatpower(text, file);
  const { name, baseMva, tables } = parsed;
  const buses = tables.bus.map((row) => busOf(parsed, row));
  const seen = new Set<number>();
  const twice = buses.findIndex(({ id }) => seen.size === seen.add(id).size);
  const most = BRANCHES_A_BUS * buses.length + MOST_FEW;
  if (tables.branch.length > most) {
    parsed.fail(
      tables.branch[most]!.line,
      `mpc.branch: expected at most ${most} branches between ${buses.length} buses`,
    );
  }
  if (twice >= 0) parsed.fail(tables.bus[twice]!.line, `mpc.bus: BUS_I: ${buses[twice]!.id} is there twice`);
  const kvOf = new Map(buses.map(({ id, baseKv }) => [id, baseKv]));
  const branches = tables.branch.map((row, i) => branchOf(parsed, row, i + 1, kvOf));
  const generators = tables.gen.map((row) => generatorOf(parsed, row, kvOf));
  // What nobody gives would be supplied all the same, and no loss of it would show in the balance.
  const idle = buses.findIndex(({ id, kind }) => kind === "slack" && !generators.some(serves(id)));
  if (idle >= 0) {
    const { line } = tables.bus[idle]!;
    parsed.fail(line, `mpc.gen: expected a generator in service at bus ${buses[idle]!.id}, the reference`);
  }
  try {
    return makeGrid({ name, baseMva, buses, branches, generators });
  } catch (error) {
    if (error instanceof GridError) throw new MatpowerError(`${file}: ${error.message}`);
    throw error;
  }
}

function serves(id: number) {
  return ({ bus, inService }: Generator): boolean => bus === id && inService;
}

function reader<T extends TableName>({ fail }: MatpowerCase, table: T, { line, values }: Row) {
  const get = (field: Field<T>): number => values[COLUMN.get(field)!]!;
  const refuse = (field: Field<T>, expected: string): never =>
    fail(line, `mpc.${table}: ${field}: expected ${expected}, got ${get(field)}`);
  const finite = (field: Field<T>): number =>
    Math.abs(get(field)) <= MOST ? get(field) : refuse(field, `a number from ${-MOST} to ${MOST}`);
  return { get, refuse, finite };
}

function busOf(parsed: MatpowerCase, row: Row): Bus {
  const { get, refuse, finite } = reader(parsed, "bus", row);
  const id = get("BUS_I");
  if (!Number.isSafeInteger(id) || id <= 0) refuse("BUS_I", "a positive integer");
  const kind = KINDS[get("BUS_TYPE") - 1] ?? refuse("BUS_TYPE", "1, 2, 3 or 4");
  if (!(get("VM") > 0)) refuse("VM", "more than 0");
  if (!(get("BASE_KV") >= 0)) refuse("BASE_KV", "0 or more");
  if (get("VMIN") > get("VMAX")) refuse("VMIN", `at most VMAX (${get("VMAX")})`);
  return {
    ...{ id, kind, baseKv: finite("BASE_KV"), loadMw: finite("PD"), loadMvar: finite("QD") },
    ...{ shuntMw: finite("GS"), shuntMvar: finite("BS"), vMinPu: finite("VMIN"), vMaxPu: finite("VMAX") },
    ...{ vmPu: finite("VM"), vaDeg: finite("VA") },
  };
}

function branchOf(parsed: MatpowerCase, row: Row, id: number, kvOf: ReadonlyMap<number, number>): Branch {
  const { get, refuse, finite } = reader(parsed, "branch", row);
  const [from, to] = [get("F_BUS"), get("T_BUS")];
  if (!kvOf.has(from)) refuse("F_BUS", "a bus of mpc.bus");
  if (!kvOf.has(to) || to === from) refuse("T_BUS", "another bus of mpc.bus");
  if (finite("BR_R") === 0 && finite("BR_X") === 0) refuse("BR_X", "an impedance (BR_R is 0 as well)");
  const impedance = Math.hypot(get("BR_R"), get("BR_X"));
  if (impedance < LEAST_IMPEDANCE) refuse("BR_X", `an impedance of ${LEAST_IMPEDANCE} p.u. or more`);
  if (!(get("RATE_A") >= 0)) refuse("RATE_A", "0 or more");
  if (!(get("TAP") >= 0)) refuse("TAP", "0 or more");
  if (get("BR_STATUS") !== 0 && get("BR_STATUS") !== 1) refuse("BR_STATUS", "1 (closed) or 0 (open)");
  const levels = kvOf.get(from) !== kvOf.get(to) && kvOf.get(from)! > 0 && kvOf.get(to)! > 0;
  return {
    ...{ id, from, to, rPu: finite("BR_R"), xPu: finite("BR_X"), bPu: finite("BR_B") },
    kind: get("TAP") !== 0 || get("SHIFT") !== 0 || levels ? "transformer" : "line",
    // 0 stands for a line's 1, and for no limit.
    ratio: finite("TAP") === 0 ? 1 : get("TAP"),
    shiftDeg: finite("SHIFT"),
    rateMva: get("RATE_A") === 0 ? Number.POSITIVE_INFINITY : get("RATE_A"),
    closed: get("BR_STATUS") === 1,
  };
}

function generatorOf(parsed: MatpowerCase, row: Row, kvOf: ReadonlyMap<number, number>): Generator {
  const { get, refuse, finite } = reader(parsed, "gen", row);
  if (!kvOf.has(get("GEN_BUS"))) refuse("GEN_BUS", "a bus of mpc.bus");
  if (get("QMIN") > get("QMAX")) refuse("QMIN", `at most QMAX (${get("QMAX")})`);
  if (get("GEN_STATUS") > 0 && !(get("VG") > 0)) refuse("VG", "more than 0");
  return {
    ...{ bus: get("GEN_BUS"), pMw: finite("PG"), qMvar: finite("QG"), vSetPu: finite("VG") },
    ...{ qMinMvar: get("QMIN"), qMaxMvar: get("QMAX"), pMinMw: get("PMIN"), pMaxMw: get("PMAX") },
    inService: finite("GEN_STATUS") > 0,
  };
}
