/**
 * The order of a question's units, and the shape a set must have (docs/protocol.md, "A round"). Pure: what comes in is
 * typed by the schemas already; what does not fit together is a SetError.
 */
import { assertBitmap, bitmapBytes, isEmptyBitmap } from "../../protocol/bitmap.ts";
import type { Question, RefusalCode, SetContent } from "../../protocol/messages/round.ts";
import { BALANCE_KINDS, CUSTOMER_KINDS, type Kind, KINDS } from "../../protocol/units.ts";

/** A set or question that this aggregator does not accept. `where`: units or outputs that break the rule. */
export class SetError extends Error {
  readonly code: RefusalCode;
  readonly where: readonly number[];

  constructor(code: RefusalCode, message: string, where: readonly number[] = []) {
    super(message);
    this.name = "SetError";
    this.code = code;
    this.where = where;
  }
}

/** Cells that one question may span: meters times slots times kinds. Beyond it an aggregator would stand still. */
const MAX_CELLS = 2 ** 25;
const MAX_UNITS = 2 ** 18;
/** Slots times kinds of a load: far more than a month. Each has a roster of its own in memory. */
const MAX_LOAD_UNITS = 2 ** 14;
/** The kinds that a question of a purpose may ask for. */
const ALLOWED_KINDS: Readonly<Record<Question["purpose"], readonly Kind[]>> = {
  billing: CUSTOMER_KINDS,
  load: [KINDS.import, KINDS.export],
  balance: BALANCE_KINDS,
  vector: [],
};

/** A billing unit: one meter and kind over a segment. */
export interface BillingUnit {
  readonly segment: number;
  readonly meter: number;
  readonly kind: number;
}

/** Throws SetError `malformed-set` unless lists are sorted, without repeats, and of a size that can be handled. */
export function assertQuestion({ purpose, meters, segments, kinds }: Question): void {
  if (!meters.every((meter, i) => i === 0 || meters[i - 1]! < meter)) {
    throw new SetError("malformed-set", "meters: expected sorted names without repeats");
  }
  if (!kinds.every((kind, i) => i === 0 || kinds[i - 1]! < kind)) {
    throw new SetError("malformed-set", "kinds: expected rising kinds without repeats");
  }
  const inOrder = [...segments].sort(([a], [b]) => a - b);
  if (!inOrder.every(([from], i) => i === 0 || inOrder[i - 1]![1] <= from)) {
    throw new SetError("malformed-set", "segments: expected ranges without overlap");
  }
  const allowed: readonly number[] = ALLOWED_KINDS[purpose];
  if (!kinds.every((kind) => allowed.includes(kind))) {
    throw new SetError(
      "malformed-set",
      `kinds: expected those of a ${purpose} (${allowed.join(", ")}), got ${kinds.join(", ")}`,
    );
  }
  if (purpose === "balance" && kinds.length !== allowed.length) {
    throw new SetError("malformed-set", "kinds: a balance is of import, export, head and headExport");
  }
  if ((kinds.length === 0) !== (purpose === "vector")) {
    throw new SetError("malformed-set", "kinds: a vector has none, and any other question has one or more");
  }
  if (purpose === "vector" && segments[0]![0] !== 0) {
    throw new SetError("malformed-set", `segments: a vector's elements begin with 0, got ${segments[0]![0]}`);
  }
  if (purpose !== "billing" && segments.length !== 1) {
    throw new SetError("malformed-set", `segments: a ${purpose} has one, got ${segments.length}`);
  }
  const slots = segments.reduce((sum, [from, to]) => sum + to - from, 0);
  const mostUnits = purpose === "billing" ? MAX_UNITS : MAX_LOAD_UNITS;
  if (meters.length * slots * kinds.length > MAX_CELLS || unitCount({ purpose, meters, segments, kinds }) > mostUnits) {
    throw new SetError("malformed-set", `expected at most ${MAX_CELLS} cells and ${mostUnits} units`);
  }
}

export function unitCount({ purpose, meters, segments, kinds }: Omit<Question, "feeder">): number {
  if (purpose === "billing") return segments.length * meters.length * kinds.length;
  if (purpose === "vector") return 1;
  const [from, to] = segments[0]!;
  return (to - from) * kinds.length;
}

/** The index of a billing unit. */
export function billingUnitIndex(question: Question, { segment, meter, kind }: BillingUnit): number {
  return (segment * question.meters.length + meter) * question.kinds.length + kind;
}

/** Segment, meter and kind (as positions in the question's lists) of a billing unit. */
export function billingUnitAt({ meters, kinds }: Question, index: number): BillingUnit {
  const rest = Math.floor(index / kinds.length);
  return { segment: Math.floor(rest / meters.length), meter: rest % meters.length, kind: index % kinds.length };
}

/** Slot and position of the kind of a load unit. */
export function loadUnitAt({ segments, kinds }: Question, index: number): { slot: number; kind: number } {
  return { slot: segments[0]![0] + Math.floor(index / kinds.length), kind: index % kinds.length };
}

/** How many members the bitmap of a unit is over. */
export function unitSize(question: Question, index: number): number {
  if (question.purpose !== "billing") return question.meters.length;
  const [from, to] = question.segments[billingUnitAt(question, index).segment]!;
  return to - from;
}

/** A set whose units without cells, empty on the wire, have bitmaps of their size. Throws as `assertSet`. */
export function withFullBitmaps(set: SetContent): SetContent {
  assertQuestion(set);
  const empty = new Map<number, Uint8Array<ArrayBuffer>>();
  const units = set.units.slice(0, unitCount(set)).map((unit, index): SetContent["units"][number] => {
    if (unit[0].length > 0) return unit;
    const bytes = bitmapBytes(unitSize(set, index));
    const zeros = empty.get(bytes) ?? new Uint8Array(bytes);
    empty.set(bytes, zeros);
    return [zeros, unit[1]];
  });
  return { ...set, units: [...units, ...set.units.slice(units.length)] };
}

/** Throws SetError `malformed-set` unless every list, bitmap and digest of the set fits its question. */
export function assertSet(set: SetContent): void {
  assertQuestion(set);
  const expected = unitCount(set);
  if (set.units.length !== expected) {
    throw new SetError("malformed-set", `units: expected ${expected}, got ${set.units.length}`);
  }
  for (const [index, [bitmap, digest]] of set.units.entries()) {
    assertBits(`units[${index}]`, bitmap, unitSize(set, index));
    if (isEmptyBitmap(bitmap) !== (digest.length === 0)) {
      throw new SetError("malformed-set", `units[${index}]: a digest stands exactly where there are cells`, [index]);
    }
  }
  const widths = set.purpose === "vector" ? 1 : set.kinds.length;
  if (set.bits !== undefined && set.bits.length !== widths) {
    throw new SetError("malformed-set", `bits: expected ${widths}, one for each kind, got ${set.bits.length}`);
  }
  if (set.purpose !== "billing") {
    if (set.schemes.length === 0 && set.assignment.length === 0) return;
    throw new SetError("malformed-set", `a ${set.purpose} has no schemes and no assignment`);
  }
  if (set.assignment.length !== set.meters.length) {
    throw new SetError("malformed-set", `assignment: expected ${set.meters.length}, got ${set.assignment.length}`);
  }
  if (set.assignment.some((scheme) => scheme >= set.schemes.length)) {
    throw new SetError("malformed-set", "assignment: expected indices of schemes");
  }
  for (const [index] of set.schemes.entries()) assertScheme(set, index);
}

function assertScheme({ schemes, segments, kinds }: SetContent, index: number): void {
  const names = new Set<string>();
  for (const { name, kind, masks } of schemes[index]!.bands) {
    const where = `schemes[${index}] band ${name}`;
    if (!kinds.includes(kind)) throw new SetError("malformed-set", `${where}: kind ${kind} is not asked for`);
    const key = `${kind} ${name}`;
    if (names.has(key)) throw new SetError("malformed-set", `${where}: there are two of this name and kind`);
    names.add(key);
    if (masks.length !== segments.length) {
      throw new SetError("malformed-set", `${where}: expected ${segments.length} masks, got ${masks.length}`);
    }
    for (const [segment, mask] of masks.entries()) {
      const [from, to] = segments[segment]!;
      assertBits(`${where} mask ${segment}`, mask, to - from);
    }
  }
}

function assertBits(name: string, bits: Uint8Array, size: number): void {
  try {
    assertBitmap(name, bits, size);
  } catch (error) {
    if (error instanceof RangeError) throw new SetError("malformed-set", error.message);
    throw error;
  }
}

/** One output of a billing set: a band of one meter. */
export interface BillOutput {
  readonly index: number;
  /** Position in `meters`. */
  readonly meter: number;
  readonly kind: number;
  readonly name: string;
  readonly masks: readonly Uint8Array[];
}

/** The outputs of a billing set, in order: for each meter, for each band of its scheme. */
function* billOutputs(set: SetContent): Generator<BillOutput, void, undefined> {
  let index = 0;
  for (const [meter, scheme] of set.assignment.entries()) {
    for (const { name, kind, masks } of set.schemes[scheme]!.bands) yield { index: index++, meter, kind, name, masks };
  }
}

/** How many outputs a set has. */
export function outputCount(set: SetContent): number {
  if (set.purpose === "load") return set.units.length;
  if (set.purpose === "balance") return set.units.length / set.kinds.length;
  if (set.purpose === "vector") return set.segments[0]![1];
  return set.assignment.reduce((sum, scheme) => sum + set.schemes[scheme]!.bands.length, 0);
}

/** The cells of an output within one segment: its mask, where the unit has a cell. */
export interface OutputCells {
  readonly output: BillOutput;
  readonly segment: number;
  readonly cells: Uint8Array;
}

/** All outputs and segments of a billing set that have cells, in the order of the outputs. */
export function billCells(set: SetContent): OutputCells[] {
  const found: OutputCells[] = [];
  for (const output of billOutputs(set)) {
    const kind = set.kinds.indexOf(output.kind);
    for (let segment = 0; segment < set.segments.length; segment++) {
      const [bitmap] = set.units[billingUnitIndex(set, { segment, meter: output.meter, kind })]!;
      const cells = commonCells(bitmap, output.masks[segment]!);
      if (cells !== undefined) found.push({ output, segment, cells });
    }
  }
  return found;
}

function commonCells(bitmap: Uint8Array, mask: Uint8Array): Uint8Array | undefined {
  let first = 0;
  while (first < mask.length && (bitmap[first]! & mask[first]!) === 0) first++;
  if (first === mask.length) return undefined;
  const cells = new Uint8Array(mask.length);
  for (let i = first; i < cells.length; i++) cells[i] = bitmap[i]! & mask[i]!;
  return cells;
}
