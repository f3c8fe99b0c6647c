/**
 * Reads the text of a MATPOWER case (format 2): tables of numbers, and the few lines of arithmetic with which some cases
 * convert their columns. Anything else of the language is refused by line, never passed over.
 */
import { evaluate, type Lookup } from "./expression.ts";
import { COLUMN, FIELDS, isTable, type MatpowerCase, MatpowerError, type Row, type TableName } from "./fields.ts";
import { type Statement, statementsOf } from "./statements.ts";

const NUMBER = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[Ii]nf)$/;
/** Statements without a bearing on the grid: names of columns, and what only an optimal power flow asks. */
const PASSED_OVER =
  /^(?:function\b|define_constants$|end$|return$|\[[^\]]*\]\s*=\s*idx_(?:bus|brch|gen|cost)$|mpc\.(?:gencost|bus_name|dcline|dclinecost|areas|genfuel|gentype|branch_name|gen_name|reserves|iflims?)\b)/;
const SCALED =
  /^mpc\.(bus|gen|branch)\(:,\s*(\[[^\]]*\]|\w+)\)\s*=\s*mpc\.(\w+)\(:,\s*(\[[^\]]*\]|\w+)\)\s*([*/])\s*(.+)$/;
const SCALAR = /^(mpc\.baseMVA|[A-Za-z_]\w*)\s*=\s*(.+)$/;

/** Characters of a fault that are told: a statement can be as long as the file. */
const TOLD = 300;
const BASE = { least: 1e-6, most: 1e9 };
/** Characters of arithmetic: a conversion takes fewer than a hundred. */
const MOST_ARITHMETIC = 1_000;

/** `file` is named in faults. Throws MatpowerError. */
export function parseMatpower(text: string, file: string): MatpowerCase {
  const fail = (line: number, what: string): never => {
    const told = what.length > TOLD ? `${what.slice(0, TOLD)}...` : what;
    throw new MatpowerError(`${file}, line ${line}: ${told}`);
  };
  const tables: Partial<Record<TableName, Row[]>> = {};
  const scalars = new Map<string, number>();
  let name = file.replace(/^.*[\\/]/, "").replace(/\.m$/, "");
  const lookup: Lookup = (asked) => scalars.get(asked) ?? cell(asked, tables);
  let functions = 0;
  let isOver = false;

  for (const statement of statementsOf(text, fail)) {
    const { line, text: words, body } = statement;
    // What MATLAB would not run is not read either.
    if (isOver && words !== "end") fail(line, "expected nothing behind return");
    if (/^function\b/.test(words) && (functions += 1) > 1) fail(line, "expected one function");
    isOver ||= words === "return";
    const table = /^mpc\.(\w+)$/.exec(words)?.[1];
    if (body !== undefined && table !== undefined && isTable(table)) {
      if (tables[table] !== undefined) fail(line, `mpc.${table} is there twice`);
      tables[table] = rowsOf(table, statement, fail);
      continue;
    }
    const version = /^mpc\.version\s*=\s*'?(\w+)'?$/.exec(words)?.[1];
    if (version !== undefined && version !== "2") fail(line, `version: expected '2', got '${version}'`);
    if (version !== undefined) continue;
    name = /^function\s+\w+\s*=\s*(\w+)/.exec(words)?.[1] ?? name;
    if (PASSED_OVER.test(words)) continue;
    if (body === undefined && words.length > MOST_ARITHMETIC) {
      fail(line, `expected at most ${MOST_ARITHMETIC} characters in a statement, got ${words.length}`);
    }
    try {
      if (body === undefined && (scale(words, tables, lookup) || assign(words, scalars, lookup))) continue;
    } catch (error) {
      if (error instanceof RangeError) fail(line, `${words}: ${error.message}`);
      throw error;
    }
    fail(line, `expected a table or arithmetic of a MATPOWER case, got ${JSON.stringify(words.slice(0, 60))}`);
  }

  const lines = text.split("\n").length;
  const baseMva = scalars.get("mpc.baseMVA") ?? fail(lines, "mpc.baseMVA is missing");
  if (!(baseMva > 0)) fail(lines, `mpc.baseMVA: expected more than 0, got ${baseMva}`);
  if (!(baseMva >= BASE.least && baseMva <= BASE.most)) {
    fail(lines, `mpc.baseMVA: expected ${BASE.least} to ${BASE.most}, got ${baseMva}`);
  }
  const { bus, gen, branch } = tables;
  for (const table of ["bus", "gen", "branch"] as const) {
    if (tables[table] === undefined) fail(lines, `mpc.${table} is missing`);
  }
  return { name, baseMva, tables: { bus: bus!, gen: gen!, branch: branch! }, fail };
}

function rowsOf(table: TableName, { body = [] }: Statement, fail: (line: number, what: string) => never): Row[] {
  const names = FIELDS[table];
  let width: number | undefined;
  return body.flatMap(({ line, text }) =>
    text.split(";").flatMap((part): Row[] => {
      const cells = part
        .trim()
        .split(/[\s,]+/)
        .filter((one) => one !== "");
      if (cells.length === 0) return [];
      if (cells.length < names.length) {
        fail(line, `mpc.${table}: expected ${names.length} columns or more, got ${cells.length}`);
      }
      width ??= cells.length;
      // A number too many, or too few, would move all behind it to other columns.
      if (cells.length !== width) fail(line, `mpc.${table}: expected ${width} columns as above, got ${cells.length}`);
      const values = cells.map((cell, column) => {
        if (NUMBER.test(cell)) return Number(cell.replace(/inf/i, "Infinity"));
        return fail(line, `mpc.${table}: ${names[column] ?? `column ${column + 1}`}: expected a number, got ${cell}`);
      });
      return [{ line, values }];
    }),
  );
}

/** `mpc.bus(1, BASE_KV)`: rows and columns count from 1. */
function cell(asked: string, tables: Partial<Record<TableName, Row[]>>): number | undefined {
  const found = /^mpc\.bus\s*\(\s*(\d+)\s*,\s*(\w+)\s*\)$/.exec(asked);
  return found === null ? undefined : tables.bus?.[Number(found[1]) - 1]?.values[columnOf("bus", found[2]!)];
}

function columnOf(table: TableName, word: string): number {
  const column = /^\d+$/.test(word) ? Number(word) - 1 : COLUMN.get(word);
  // Columns behind those of the format are an optimal power flow's.
  const { length } = FIELDS[table];
  if (column === undefined || column < 0 || column >= length) {
    throw new RangeError(`unknown column ${word}: mpc.${table} has 1 to ${length}`);
  }
  return column;
}

function columnsOf(table: TableName, words: string): number[] {
  const columns = words
    .replace(/[[\]]/g, " ")
    .trim()
    .split(/[\s,]+/)
    .map((word) => columnOf(table, word));
  if (new Set(columns).size < columns.length) throw new RangeError("a column is there twice");
  return columns;
}

/** `mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase)`. False for any other statement. */
function scale(words: string, tables: Partial<Record<TableName, Row[]>>, lookup: Lookup): boolean {
  const [, target, columns, source, others, sign, factor] = SCALED.exec(words) ?? [];
  if (target === undefined) return false;
  const chosen = columnsOf(target as TableName, columns!);
  if (target !== source || chosen.join() !== columnsOf(target as TableName, others!).join()) {
    throw new RangeError("a table can only be multiplied or divided in place");
  }
  const rows = tables[target as TableName];
  if (rows === undefined) throw new RangeError(`mpc.${target} comes later`);
  const value = evaluate(factor!, lookup);
  if (!Number.isFinite(value) || value === 0) throw new RangeError(`expected a number other than 0, got ${value}`);
  for (const { values } of rows) {
    for (const column of chosen) values[column] = sign === "/" ? values[column]! / value : values[column]! * value;
  }
  return true;
}

function assign(words: string, scalars: Map<string, number>, lookup: Lookup): boolean {
  const [, name, expression] = SCALAR.exec(words) ?? [];
  if (name === undefined) return false;
  scalars.set(name, evaluate(expression!, lookup));
  return true;
}
