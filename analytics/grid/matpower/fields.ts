/** Columns of MATPOWER's tables (case format 2), in order, by the names its manual gives them. */
export const FIELDS = {
  bus: ["BUS_I", "BUS_TYPE", "PD", "QD", "GS", "BS", "BUS_AREA", "VM", "VA", "BASE_KV", "ZONE", "VMAX", "VMIN"],
  gen: ["GEN_BUS", "PG", "QG", "QMAX", "QMIN", "VG", "MBASE", "GEN_STATUS", "PMAX", "PMIN"],
  branch: ["F_BUS", "T_BUS", "BR_R", "BR_X", "BR_B", "RATE_A", "RATE_B", "RATE_C", "TAP", "SHIFT", "BR_STATUS"],
} as const;

export type TableName = keyof typeof FIELDS;
export type Field<T extends TableName> = (typeof FIELDS)[T][number];

export function isTable(name: string): name is TableName {
  return Object.hasOwn(FIELDS, name);
}

/** Position by name, from 0 on; names are unique over all tables. */
export const COLUMN: ReadonlyMap<string, number> = new Map(
  Object.values(FIELDS).flatMap((names) => names.map((name, column): [string, number] => [name, column])),
);

/** What a file has wrong; the message names file, line and field. */
export class MatpowerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MatpowerError";
  }
}

export interface Row {
  readonly line: number;
  /** As many as the file gives, at least the columns above. */
  readonly values: number[];
}

export interface MatpowerCase {
  readonly name: string;
  readonly baseMva: number;
  readonly tables: Readonly<Record<TableName, readonly Row[]>>;
  /** Throws MatpowerError with the file's name and a line. */
  readonly fail: (line: number, what: string) => never;
}
