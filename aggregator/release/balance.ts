/**
 * May this aggregator endorse a set of balances? A balance of a slot is what flows in at the head of a feeder less what
 * flows out at its meters, opened alone: neither the head's reading nor a meter's. It tells nothing about anyone as long
 * as nobody is left out of it, so that is what is asked here (docs/decisions/008-feeder-balance.md).
 */
import { countMembers, isEmptyBitmap, members } from "../../protocol/bitmap.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { BALANCE_KINDS, KINDS } from "../../protocol/units.ts";
import { loadUnitAt, SetError } from "../rounds/layout.ts";
import type { Period } from "./release-store.ts";
import type { RuleContext } from "./rule-context.ts";

const UNITS = BALANCE_KINDS.length;
const NOBODY = Buffer.alloc(0);
const [IMPORT, EXPORT, HEAD, HEAD_EXPORT] = BALANCE_KINDS.map((_, position) => position) as [
  number,
  number,
  number,
  number,
];

/** The slots of a set that have cells, each with the index of its first unit. */
export function balanceSlots(set: SetContent): { slot: number; first: number }[] {
  const found: { slot: number; first: number }[] = [];
  for (let first = 0; first < set.units.length; first += UNITS) {
    const own = set.units.slice(first, first + UNITS);
    if (own.some(([bitmap]) => !isEmptyBitmap(bitmap))) found.push({ slot: loadUnitAt(set, first).slot, first });
  }
  return found;
}

/** The meters of the balance of one slot, the head not among them. */
export function balanceMeters(set: SetContent, first: number): Uint8Array {
  return set.units[first + IMPORT]![0];
}

/** Throws SetError with the units of every slot that must not be released. */
export function assertBalance(set: SetContent, numbers: readonly number[], context: RuleContext): void {
  const { store, members: known, exports, minMeters } = context;
  const [from, to] = set.segments[0]!;
  const slots = balanceSlots(set);
  const before = new Set(store.loads(set.feeder, KINDS.head, { from, to } satisfies Period).map(({ slot }) => slot));
  const again = slots.filter(({ slot }) => before.has(slot));
  if (again.length > 0) {
    throw new SetError("already-released", "another set was endorsed for these balances", unitsOf(again));
  }
  const few = slots.filter(({ first }) => countMembers(balanceMeters(set, first)) < minMeters);
  if (few.length > 0)
    throw new SetError("too-few-meters", `a balance needs at least ${minMeters} meters`, unitsOf(few));
  const position = new Map(set.meters.map((meter, index) => [meter, index]));
  // Nobody whose reading is in the head's may be missing from the sum that is taken off it.
  const roster = known.roster(set.feeder, from, to).map((meter) => {
    const index = position.get(meter);
    const number = index === undefined ? undefined : numbers[index];
    const places = known.slotsOn(meter, set.feeder, from, to);
    return { index, places, feedsBack: number === undefined || exports(number) };
  });
  const incomplete = slots.filter(({ slot, first }) => {
    const units = set.units.slice(first, first + UNITS).map(([bitmap]) => bitmap);
    const has = (unit: number, index: number): boolean => (units[unit]![index >>> 3]! & (1 << (index & 7))) !== 0;
    const everyone = roster
      .filter(({ places }) => (places[(slot - from) >>> 3]! & (1 << ((slot - from) & 7))) !== 0)
      .every(({ index, feedsBack }) => index !== undefined && has(IMPORT, index) && (!feedsBack || has(EXPORT, index)));
    const heads = [...members(units[HEAD]!)];
    const oneHead = heads.length === 1 && [...members(units[HEAD_EXPORT]!)].every((index) => index === heads[0]);
    return !everyone || !oneHead;
  });
  if (incomplete.length === 0) {
    assertLoaded(set, numbers, slots, context);
    return;
  }
  const detail = `a balance holds one head of ${set.feeder} and every meter of the feeder, with all that it feeds back`;
  throw new SetError("incomplete-balance", detail, unitsOf(incomplete));
}

/**
 * The load of the slot was endorsed, over the same homes. Then who knows the head's reading, which the operator of a
 * feeder may, learns nothing from a balance that loads do not say: with another set the difference would be a home's.
 */
function assertLoaded(
  set: SetContent,
  numbers: readonly number[],
  slots: readonly { readonly slot: number; readonly first: number }[],
  { store }: RuleContext,
): void {
  const [from, to] = set.segments[0]!;
  const loads = new Map(store.loads(set.feeder, KINDS.import, { from, to }).map(({ slot, meters }) => [slot, meters]));
  const other = slots.filter(({ slot, first }) => {
    const own = [...members(balanceMeters(set, first))].map((index) => numbers[index]!);
    const loaded = loads.get(slot) ?? NOBODY;
    return 4 * own.length !== loaded.length || own.some((meter, i) => loaded.readUInt32BE(4 * i) !== meter);
  });
  if (other.length === 0) return;
  const detail = "the load of a balance's slot must be endorsed, over the same homes";
  throw new SetError("incomplete-balance", detail, unitsOf(other));
}

function unitsOf(slots: readonly { readonly first: number }[]): number[] {
  return slots.flatMap(({ first }) => Array.from({ length: UNITS }, (_, unit) => first + unit));
}
