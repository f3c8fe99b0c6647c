/** Why a request was not answered; the code travels to whoever asked. */
import type { GridFaultCode } from "../../../protocol/grid/index.ts";

export class GridFault extends Error {
  readonly code: GridFaultCode;

  constructor(code: GridFaultCode, detail: string) {
    super(detail);
    this.name = "GridFault";
    this.code = code;
  }
}

/** What does not fit is a RangeError below here. */
export function orFault<T>(code: GridFaultCode, prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw new GridFault(code, `${prefix}${error.message}`);
    throw error;
  }
}
