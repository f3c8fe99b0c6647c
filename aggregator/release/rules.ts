/**
 * The release rules (docs/decisions/002-release-rules.md): may this aggregator endorse this set, given all that it has
 * endorsed before? Sees which cells exist, never what they hold. A set that breaks a rule is a SetError with the units
 * or outputs at fault.
 */
import { countMembers, isEmptyBitmap, members } from "../../protocol/bitmap.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { isHeadKind, KINDS } from "../../protocol/units.ts";
import {
  billCells,
  billingUnitAt,
  billingUnitIndex,
  loadUnitAt,
  type OutputCells,
  SetError,
} from "../rounds/layout.ts";
import { assertBalance, balanceMeters, balanceSlots } from "./balance.ts";
import { coveredSlots } from "./catchup.ts";
import { differenceFault } from "./differences.ts";
import { faultUnits, tooSmall } from "./fault-report.ts";
import { FeederHistory } from "./feeder-history.ts";
import { MAY_HAVE_FORGOTTEN } from "./lost-history.ts";
import type { Period, ReleaseStore } from "./release-store.ts";
import type { Members, RuleContext } from "./rule-context.ts";
import { addSlot, emptySlots, slotsOf } from "./slot-bits.ts";

const LOAD_KINDS: ReadonlySet<number> = new Set([KINDS.import, KINDS.export]);

/** A set that may be endorsed, with the numbers of its meters, and for a bill the cells of its outputs. */
export interface Releasable {
  readonly set: SetContent;
  readonly numbers: readonly number[];
  readonly cells: readonly OutputCells[];
}

/** Throws SetError unless the set may be endorsed. The set has passed `assertSet`. */
export function assertReleasable(set: SetContent, context: RuleContext): Releasable {
  assertRemembered(set, context);
  const numbers = memberNumbers(set, context.members);
  const cells = set.purpose === "billing" ? billCells(set) : [];
  if (set.purpose === "billing") assertBilling({ set, numbers, cells }, context);
  else if (set.purpose === "load") assertLoad(set, numbers, context);
  else assertBalance(set, numbers, context);
  return { set, numbers, cells };
}

function assertRemembered({ segments }: SetContent, { lost: { before } }: RuleContext): void {
  const forgotten = segments.find(([from]) => from < before);
  if (forgotten === undefined) return;
  const detail = `${MAY_HAVE_FORGOTTEN} of slots before ${before}: slots ${forgotten[0]} to ${forgotten[1]}`;
  throw new SetError("history-lost", detail);
}

/** Writes down what `assertReleasable` allowed; the caller holds the transaction. */
export function recordRelease({ set, numbers, cells }: Releasable, setId: Buffer, store: ReleaseStore): void {
  const { feeder } = set;
  if (set.purpose === "load") {
    for (const [index, [bitmap]] of set.units.entries()) {
      if (isEmptyBitmap(bitmap)) continue;
      const { slot, kind } = loadUnitAt(set, index);
      store.addLoad(feeder, set.kinds[kind]!, slot, setId, numbersIn(bitmap, numbers));
    }
    return;
  }
  if (set.purpose === "balance") {
    for (const { slot, first } of balanceSlots(set)) {
      store.addLoad(feeder, KINDS.head, slot, setId, numbersIn(balanceMeters(set, first), numbers));
    }
    return;
  }
  store.addPeriod(feeder, periodOf(set, 0));
  for (const { output, segment, cells: slots } of cells) {
    const row = { meter: numbers[output.meter]!, setId, output: output.index, slots };
    store.addBill(feeder, output.kind, periodOf(set, segment).from, row);
  }
}

/** The numbers of the set's meters. Throws SetError `unknown-member` for cells whose meter is not of this feeder then. */
function memberNumbers(set: SetContent, known: Members): number[] {
  const { feeder, meters, segments } = set;
  const numbers = meters.map((meter) => known.numberOf(meter) ?? -1);
  const allowed = segments.map(([from, to]) => meters.map((meter) => known.slotsOn(meter, feeder, from, to)));
  const isHead = meters.map((meter) => known.isHead(meter));
  const where: number[] = [];
  for (const [index, [bitmap]] of set.units.entries()) {
    if (set.purpose === "billing") {
      const { segment, meter } = billingUnitAt(set, index);
      const isOwn = isEmptyBitmap(bitmap) || !isHead[meter]!;
      if (!isOwn || !isWithin(bitmap, allowed[segment]![meter]!)) where.push(index);
    } else {
      const { slot, kind } = loadUnitAt(set, index);
      const at = slot - segments[0]![0];
      const ofHead = isHeadKind(set.kinds[kind]!);
      for (const meter of members(bitmap)) {
        if (isHead[meter] === ofHead && (allowed[0]![meter]![at >>> 3]! & (1 << (at & 7))) !== 0) continue;
        where.push(index);
        break;
      }
    }
  }
  if (where.length > 0) {
    throw new SetError("unknown-member", `cells of meters without a countersigned place on ${feeder}`, where);
  }
  return numbers;
}

function isWithin(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if ((a[i]! & ~b[i]!) !== 0) return false;
  return true;
}

function numbersIn(bitmap: Uint8Array, numbers: readonly number[]): number[] {
  return [...members(bitmap)].map((meter) => numbers[meter]!);
}

function periodOf({ segments }: SetContent, segment: number): Period {
  const [from, to] = segments[segment]!;
  return { from, to };
}

function assertLoad(set: SetContent, numbers: readonly number[], context: RuleContext): void {
  const { store, minMeters } = context;
  const { feeder, kinds } = set;
  const few = indicesWhere(set.units, ([bitmap]) => {
    const count = countMembers(bitmap);
    return count > 0 && count < minMeters;
  });
  if (few.length > 0) throw new SetError("too-few-meters", `a load needs at least ${minMeters} meters`, few);
  const asked = periodOf(set, 0);
  const billed = store.periods(feeder).filter(({ from, to }) => from < asked.to && asked.from < to);
  for (const [position, kind] of kinds.entries()) {
    const units = [...set.units.keys()].filter(
      (index) => loadUnitAt(set, index).kind === position && !isEmptyBitmap(set.units[index]![0]),
    );
    const before = new Map(store.loads(feeder, kind, asked).map(({ slot, setId }) => [slot, setId]));
    const again = units.filter((index) => before.has(loadUnitAt(set, index).slot));
    if (again.length > 0) throw otherSet(store, before.get(loadUnitAt(set, again[0]!).slot)!, again);
    const history = new FeederHistory(store, feeder, kind, billed);
    if (!history.hasBills) continue;
    const fresh = emptySlots(history.slots);
    for (const index of units) {
      const { slot } = loadUnitAt(set, index);
      if (!history.covers(slot)) continue;
      history.addLoad(slot, numbersIn(set.units[index]![0], numbers));
      addSlot(fresh, history.indexOf(slot));
    }
    const fault = differenceFault(history.view(), fresh, context);
    if (fault === undefined) continue;
    const slots = new Set(fault.cells.flatMap((cell) => [...slotsOf(cell.slots)].map((i) => history.slotAt(i))));
    const named = units.filter((index) => slots.has(loadUnitAt(set, index).slot));
    // The fault may lie in cells of the past that this load lays bare: then each of its slots in that period may do it.
    const touching = units.filter((index) => history.covers(loadUnitAt(set, index).slot));
    throw tooSmall(set, fault, history, numbers, kind, named.length > 0 ? named : touching, context);
  }
}

function assertBilling(releasable: Releasable, context: RuleContext): void {
  const { set, numbers, cells } = releasable;
  const { store } = context;
  assertPeriods(set, store.periods(set.feeder));
  assertMasks(set);
  assertOutputs(releasable, context);
  const periods = set.segments.map((_, segment) => periodOf(set, segment));
  for (const kind of set.kinds) {
    const ofKind = cells.filter(({ output }) => output.kind === kind);
    const history = new FeederHistory(store, set.feeder, kind, periods);
    assertOneBill(set, numbers, ofKind, history, store);
    if (!LOAD_KINDS.has(kind)) continue; // never in a load: there is no difference to take
    for (const { output, segment, cells: slots } of ofKind) {
      history.addBill(numbers[output.meter]!, String(output.index), periods[segment]!.from, slots, true);
    }
    const fault = differenceFault(history.view(), emptySlots(history.slots), context);
    if (fault === undefined) continue;
    throw tooSmall(set, fault, history, numbers, kind, faultUnits(set, fault, history, numbers, kind), context);
  }
}

/** Meters of a feeder share period boundaries; late cells come from earlier periods, as those were cut. */
function assertPeriods(set: SetContent, used: readonly Period[]): void {
  const first = periodOf(set, 0);
  const clash = used.find(({ from, to }) => from < first.to && first.from < to);
  if (clash !== undefined && (clash.from !== first.from || clash.to !== first.to)) {
    const detail = `slots ${first.from} to ${first.to} cut across the period ${clash.from} to ${clash.to}`;
    throw new SetError("period-mismatch", `${set.feeder}: ${detail}`);
  }
  for (const segment of set.segments.keys()) {
    if (segment === 0) continue;
    const late = periodOf(set, segment);
    if (late.from < first.from && used.some(({ from, to }) => from === late.from && to === late.to)) continue;
    throw new SetError("period-mismatch", `${set.feeder}: ${late.from} to ${late.to} is no earlier period`);
  }
}

/** Within a scheme and kind no slot is in two bands. */
function assertMasks({ schemes, segments }: SetContent): void {
  for (const [index, { bands }] of schemes.entries()) {
    for (const segment of segments.keys()) {
      const taken = new Map<number, Uint8Array>();
      for (const { name, kind, masks } of bands) {
        const mask = masks[segment]!;
        const before = taken.get(kind);
        if (before === undefined) {
          taken.set(kind, mask.slice());
          continue;
        }
        for (let i = 0; i < mask.length; i++) {
          if ((before[i]! & mask[i]!) !== 0) {
            throw new SetError("masks-overlap", `schemes[${index}] band ${name}: shares slots with another band`);
          }
          before[i]! |= mask[i]!;
        }
      }
    }
  }
}

/** Every output has no cell, or cells that stand for at least s slots. */
function assertOutputs({ set, numbers, cells }: Releasable, { gaps, minSlots }: RuleContext): void {
  const few: number[] = [];
  for (let first = 0, next = 0; first < cells.length; first = next) {
    const { output } = cells[first]!;
    // The segments of one output stand side by side.
    while (cells[next]?.output === output) next++;
    const own = cells.slice(first, next);
    if (LOAD_KINDS.has(output.kind)) {
      if (own.reduce((sum, part) => sum + countMembers(part.cells), 0) < minSlots) few.push(output.index);
      continue;
    }
    const slots = own.flatMap((part) => [...members(part.cells)].map((i) => set.segments[part.segment]![0] + i));
    if (coveredSlots(gaps, numbers[output.meter]!, output.kind, slots) < minSlots) few.push(output.index);
  }
  if (few.length > 0) {
    throw new SetError("too-few-slots", `an output has no cell, or stands for at least ${minSlots} slots`, few);
  }
}

/** A cell is in one bill, ever. */
function assertOneBill(
  set: SetContent,
  numbers: readonly number[],
  ofKind: readonly OutputCells[],
  history: FeederHistory,
  store: ReleaseStore,
): void {
  if (!history.hasBills) return;
  const where: number[] = [];
  let other: Buffer | undefined;
  for (const { output, segment, cells } of ofKind) {
    const found = history.billSetOf(numbers[output.meter]!, periodOf(set, segment).from, cells);
    if (found === undefined) continue;
    other ??= found;
    const kind = set.kinds.indexOf(output.kind);
    where.push(billingUnitIndex(set, { segment, meter: output.meter, kind }));
  }
  if (other !== undefined) throw otherSet(store, other, [...new Set(where)]);
}

function otherSet(store: ReleaseStore, setId: Buffer, where: readonly number[]): SetError {
  const proof = store.set(setId)?.endorsements;
  const released = proof !== undefined && proof !== null;
  const name = setId.toString("hex").slice(0, 16);
  return released
    ? new SetError("already-released", `these cells were released by set ${name}`, where)
    : new SetError("other-set-endorsed", `set ${name} was endorsed for these cells`, where);
}

function indicesWhere<T>(list: readonly T[], test: (item: T) => boolean): number[] {
  return [...list.keys()].filter((index) => test(list[index]!));
}
