/**
 * The order of things in a round (docs/protocol.md, "A round"): which unit has which index, what its bitmap counts,
 * and which outputs a set has. Pure.
 */
import { bitmapOf } from "../../protocol/bitmap.ts";
import type { Question, SetContent } from "../../protocol/messages/round.ts";

/** How many slots a segment covers. */
function segmentSlots(question: Question, segment: number): number {
  const [from, to] = question.segments[segment] ?? [0, 0];
  return to - from;
}

/** How many units a question has. */
export function unitCount(question: Question): number {
  const { meters, segments, kinds } = question;
  if (question.purpose === "vector") return 1;
  if (question.purpose !== "billing") return segmentSlots(question, 0) * kinds.length;
  return segments.length * meters.length * kinds.length;
}

/** Members of a unit's bitmap: the roster of a load, the slots of the segment of a bill. */
export function unitSize(question: Question, unit: number): number {
  if (question.purpose !== "billing") return question.meters.length;
  return segmentSlots(question, Math.floor(unit / (question.meters.length * question.kinds.length)));
}

/** Index of a billing unit. */
export function billingUnit(question: Question, segment: number, meter: number, kind: number): number {
  return (segment * question.meters.length + meter) * question.kinds.length + kind;
}

/** Where a billing unit belongs: positions in `segments`, `meters` and `kinds`. */
export function billingPlace(question: Question, unit: number): { segment: number; meter: number; kind: number } {
  const kinds = question.kinds.length;
  const row = Math.floor(unit / kinds);
  const meters = question.meters.length;
  return { segment: Math.floor(row / meters), meter: row % meters, kind: unit % kinds };
}

/** Where a load unit belongs: the slot, and the position in `kinds`. */
export function loadPlace(question: Question, unit: number): { slot: number; kind: number } {
  const kinds = question.kinds.length;
  return { slot: (question.segments[0]?.[0] ?? 0) + Math.floor(unit / kinds), kind: unit % kinds };
}

/**
 * Units whose cells enter one output together, so that the same aggregators must hold all of them: a bill's segments
 * of one meter and kind, a balance's kinds of one slot. A unit of a load stands alone.
 */
export function unitGroups(question: Question): number[][] {
  if (question.purpose === "balance") {
    const kinds = question.kinds.length;
    return Array.from({ length: segmentSlots(question, 0) }, (_, slot) =>
      Array.from({ length: kinds }, (_unit, kind) => slot * kinds + kind),
    );
  }
  if (question.purpose !== "billing" || question.segments.length === 1) {
    return Array.from({ length: unitCount(question) }, (_, unit) => [unit]);
  }
  const perSegment = question.meters.length * question.kinds.length;
  return Array.from({ length: perSegment }, (_, row) => question.segments.map((_, s) => s * perSegment + row));
}

/** One sum of a billing set: a meter and a band of its scheme. */
export interface BillingOutput {
  readonly meter: number;
  readonly scheme: number;
  readonly band: number;
}

/** The outputs of a billing set, in the order of the sums. */
export function billingOutputs(content: Pick<SetContent, "assignment" | "schemes">): BillingOutput[] {
  return content.assignment.flatMap((scheme, meter) =>
    (content.schemes[scheme]?.bands ?? []).map((_, band) => ({ meter, scheme, band })),
  );
}

/** The units that enter one output of a load, a balance or a vector. */
export function outputUnits(content: Question, output: number): number[] {
  if (content.purpose === "vector") return [0];
  if (content.purpose === "load") return [output];
  const kinds = content.kinds.length;
  return Array.from({ length: kinds }, (_, kind) => output * kinds + kind);
}

/** How many sums a set asks for. */
export function outputCount(content: SetContent): number {
  if (content.purpose === "load") return unitCount(content);
  if (content.purpose !== "billing") return segmentSlots(content, 0);
  return content.assignment.reduce((sum, scheme) => sum + (content.schemes[scheme]?.bands.length ?? 0), 0);
}

/** Outputs with at least one cell, as a bitmap: an empty one is zero by itself, and nobody needs to answer it. */
export function wantedOutputs(content: SetContent): Uint8Array {
  const hasUnit = (unit: number): boolean => content.units[unit]?.[0].some((byte) => byte !== 0) === true;
  const wanted =
    content.purpose !== "billing"
      ? [...Array(outputCount(content)).keys()].filter((output) => outputUnits(content, output).some(hasUnit))
      : billingOutputs(content).flatMap((output, index) => (hasCells(content, output) ? [index] : []));
  return bitmapOf(outputCount(content), wanted);
}

function hasCells(content: SetContent, { meter, scheme, band: b }: BillingOutput): boolean {
  const band = content.schemes[scheme]?.bands[b];
  if (band === undefined) return false;
  const kind = content.kinds.indexOf(band.kind);
  return band.masks.some((mask, segment) => {
    const unit = content.units[billingUnit(content, segment, meter, kind)]?.[0];
    if (unit === undefined) return false;
    let i = 0;
    while (i < unit.length && ((unit[i] ?? 0) & (mask[i] ?? 0)) === 0) i++;
    return i < unit.length;
  });
}
