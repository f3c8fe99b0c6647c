/**
 * What was released before, as bitmaps over the units of a billing question: which cells are in feeder loads and which
 * in earlier bills. Reads the endorsed sets themselves, the same that the aggregators keep. Pure.
 */
import type { Question, SetContent } from "../../protocol/messages/round.ts";
import { billingUnit, unitCount, unitSize } from "./shape.ts";

function emptyUnits(question: Question): Uint8Array[] {
  return Array.from(
    { length: unitCount(question) },
    (_, unit) => new Uint8Array(Math.ceil(unitSize(question, unit) / 8)),
  );
}

function segmentOf(question: Question, slot: number): number {
  return question.segments.findIndex(([from, to]) => from <= slot && slot < to);
}

/** Position in the question's meters of each meter of a set, -1 for those it does not ask about. */
function positions(question: Question, meters: readonly string[]): Int32Array {
  const known = new Map(question.meters.map((meter, i) => [meter, i]));
  return Int32Array.from(meters, (meter) => known.get(meter) ?? -1);
}

/**
 * For each unit of a billing question the cells that released feeder loads hold. A month of a thousand meters has
 * three million of them, so the units of a segment share one buffer and the inner loop only sets bits.
 */
export function cellsInLoads(question: Question, loads: readonly SetContent[]): Uint8Array[] {
  const perSegment = question.meters.length * question.kinds.length;
  const strides = question.segments.map((_, segment) => Math.ceil(unitSize(question, segment * perSegment) / 8));
  const buffers = strides.map((stride) => new Uint8Array(stride * perSegment));
  for (const load of loads) {
    const place = positions(question, load.meters);
    const first = load.segments[0]?.[0] ?? 0;
    load.units.forEach(([bitmap], index) => {
      if (bitmap.length === 0) return;
      const slot = first + Math.floor(index / load.kinds.length);
      const segment = segmentOf(question, slot);
      const kind = question.kinds.indexOf(load.kinds[index % load.kinds.length] ?? 0);
      const buffer = buffers[segment];
      if (buffer === undefined || kind < 0) return;
      const stride = strides[segment] ?? 0;
      const at = slot - (question.segments[segment]?.[0] ?? 0);
      setColumn(buffer, kind * stride + (at >>> 3), stride * question.kinds.length, 1 << (at & 7), bitmap, place);
    });
  }
  return buffers.flatMap((buffer, segment) => {
    const stride = strides[segment] ?? 0;
    return Array.from({ length: perSegment }, (_, row) => buffer.subarray(row * stride, (row + 1) * stride));
  });
}

/** Sets one bit in the row of every meter that the bitmap holds. */
function setColumn(
  buffer: Uint8Array,
  offset: number,
  step: number,
  bit: number,
  bitmap: Uint8Array,
  place: Int32Array,
): void {
  for (let i = 0; i < bitmap.length; i++) {
    for (let rest = bitmap[i] ?? 0; rest > 0; rest &= rest - 1) {
      const meter = place[8 * i + 31 - Math.clz32(rest & -rest)] ?? -1;
      if (meter < 0) continue;
      const at = offset + meter * step;
      buffer[at] = (buffer[at] ?? 0) | bit;
    }
  }
}

/** For each unit of a billing question the cells that earlier bills hold. */
export function cellsInBills(question: Question, bills: readonly SetContent[]): Uint8Array[] {
  const units = emptyUnits(question);
  for (const bill of bills) {
    const place = positions(question, bill.meters);
    bill.segments.forEach(([from], s) => {
      bill.meters.forEach((_, m) => {
        const meter = place[m] ?? -1;
        if (meter < 0) return;
        bill.kinds.forEach((kind, k) => {
          const bitmap = bill.units[billingUnit(bill, s, m, k)]?.[0];
          const ownKind = question.kinds.indexOf(kind);
          if (bitmap === undefined || ownKind < 0) return;
          addCells(question, units, { meter, kind: ownKind, from }, bitmap);
        });
      });
    });
  }
  return units;
}

function addCells(
  question: Question,
  units: readonly Uint8Array[],
  { meter, kind, from }: { meter: number; kind: number; from: number },
  bitmap: Uint8Array,
): void {
  question.segments.forEach(([ownFrom], segment) => {
    const unit = units[billingUnit(question, segment, meter, kind)];
    if (unit === undefined) return;
    if (ownFrom === from) {
      const bytes = Math.min(unit.length, bitmap.length);
      for (let i = 0; i < bytes; i++) unit[i] = (unit[i] ?? 0) | (bitmap[i] ?? 0);
    }
  });
}
