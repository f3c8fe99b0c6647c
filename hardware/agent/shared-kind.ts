/** Under which kind a meter shares what it measures: the head of a feeder has kinds of its own (docs/decisions/008). */
import { isHeadKind, KINDS, type Kind, kindName } from "../../protocol/units.ts";

/** Throws RangeError on a kind that a meter of this role does not measure. */
export function sharedKind(measured: Kind, role: "customer" | "head" | undefined): Kind {
  if (role !== "head") {
    if (isHeadKind(measured)) throw new RangeError(`kind: ${kindName(measured)} is for the head of a feeder`);
    return measured;
  }
  if (measured === KINDS.import || measured === KINDS.head) return KINDS.head;
  if (measured === KINDS.export || measured === KINDS.headExport) return KINDS.headExport;
  throw new RangeError(`kind: the head of a feeder has no ${kindName(measured)}`);
}
