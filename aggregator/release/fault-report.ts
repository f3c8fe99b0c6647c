/** Says in a refusal which cells of a set would give away too little of too few, so that the utility can leave them out. */
import { countMembers } from "../../protocol/bitmap.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { billingUnitAt, billingUnitIndex, SetError } from "../rounds/layout.ts";
import type { DifferenceFault, ReleaseLimits } from "./differences.ts";
import type { FeederHistory } from "./feeder-history.ts";
import { slotsOf } from "./slot-bits.ts";

/** The billing units that hold the cells of a fault, as far as they are in the set. */
export function faultUnits(
  set: SetContent,
  fault: DifferenceFault,
  history: FeederHistory,
  numbers: readonly number[],
  kind: number,
): number[] {
  const position = set.kinds.indexOf(kind);
  const units = new Set<number>();
  for (const { meter: number, slots } of fault.cells) {
    const meter = numbers.indexOf(number);
    if (meter < 0) continue;
    for (const index of slotsOf(slots)) {
      const slot = history.slotAt(index);
      const segment = set.segments.findIndex(([from, to]) => from <= slot && slot < to);
      if (segment >= 0) units.add(billingUnitIndex(set, { segment, meter, kind: position }));
    }
  }
  return [...units, ...companion(set, [...units], position)];
}

/**
 * What is not billed cannot be left out. Where that alone is at fault, the smallest other meter of the segment is named:
 * if it waits too, two are missing, and neither is known.
 */
function companion(set: SetContent, units: readonly number[], kind: number): number[] {
  const cells = (index: number): number => countMembers(set.units[index]![0]);
  const [first] = units;
  if (first === undefined || units.some((index) => cells(index) > 0)) return [];
  const { segment } = billingUnitAt(set, first);
  const others = [...set.meters.keys()]
    .map((meter) => billingUnitIndex(set, { segment, meter, kind }))
    .filter((index) => cells(index) > 0)
    .sort((a, b) => cells(a) - cells(b));
  return others.slice(0, 1);
}

const RULE_TEXT: Readonly<Record<DifferenceFault["rule"], string>> = {
  "single-meter": "loads and bills together would leave alone",
  "single-slot": "loads and bills together would leave alone in one slot",
  "billed-not-in-load": "in bills but not in loads:",
  "in-load-not-billed": "in loads but not in bills:",
};

/** The refusal: which rule, how many cells of whom, never a value. */
export function tooSmall(
  set: SetContent,
  fault: DifferenceFault,
  history: FeederHistory,
  numbers: readonly number[],
  kind: number,
  where: readonly number[],
  { minMeters, minSlots }: ReleaseLimits,
): SetError {
  const named = fault.cells.slice(0, 5).map(({ meter, slots }) => {
    const first = slotsOf(slots).next().value ?? 0;
    return `${set.meters[numbers.indexOf(meter)] ?? "another meter"} from slot ${history.slotAt(first)}`;
  });
  const what = `${fault.fresh ? "newly " : ""}${RULE_TEXT[fault.rule]} ${fault.count} cells of ${fault.cells.length} meters`;
  const least = fault.rule === "single-slot" ? `${minMeters}` : `${minSlots} of two meters`;
  const need = `expected none, or at least ${least}`;
  return new SetError("difference-too-small", `kind ${kind}: ${what} (${named.join(", ")}); ${need}`, where);
}
