/** What is wrong with a tariff: every fault at once, each with the path of the key it is about. */

/** One fault and where it is, such as `versions[0].import.bands[1].name`. */
export interface TariffFault {
  readonly path: string;
  readonly message: string;
}

/**
 * Why a tariff cannot be used: `syntax` (not YAML), `invalid` (against the schema), `off-slot` (a boundary that
 * falls inside a metering slot), `not-valid` (no version for a date), `regroup` (needs totals never released).
 */
export type TariffErrorCode = "syntax" | "invalid" | "off-slot" | "not-valid" | "regroup";

export class TariffError extends Error {
  readonly code: TariffErrorCode;
  readonly faults: readonly TariffFault[];

  constructor(code: TariffErrorCode, subject: string, faults: readonly TariffFault[]) {
    const lines = faults.map((fault) => (fault.path === "" ? fault.message : `${fault.path}: ${fault.message}`));
    super(lines.length === 1 ? `${subject}: ${lines.join("")}` : `${subject}:\n  ${lines.join("\n  ")}`);
    this.name = "TariffError";
    this.code = code;
    this.faults = faults;
  }
}

/** A path as people write it: `versions[0].tax.rate`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}
