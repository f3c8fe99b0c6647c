/**
 * Can any linear combination of loads and bills leave cells of one slot alone, of fewer than k meters? Answered exactly
 * (docs/decisions/002-release-rules.md). What must cancel outside the slot gives every bill the weight of its component
 * there, or none; what is left over in the slot is then decided by one weight for each component and one for the load,
 * and the fewest cells are again the lightest cut of a small graph.
 */
import { type BillView, componentsOf, type FeederView, type MeterView } from "./components.ts";
import { type Edge, lightCut } from "./min-cut.ts";
import { addSlot, and, emptySlots, hasSlot, intersects, isEmpty, type SlotBits, slotsOf } from "./slot-bits.ts";

export interface SlotFault {
  readonly slot: number;
  readonly meters: readonly number[];
}

/** Nodes of the graph; live components and bills that nothing outside the slot binds come after these. */
const GROUND = 0;
const LOAD = 1;
const NODES = 2;

/** The first slot of which fewer than `minMeters` meters could be told apart from the rest; undefined if there is none. */
export function singleSlotFault(view: FeederView, minMeters: number): SlotFault | undefined {
  const classes = slotClasses(view);
  // A slot with a twin binds as much without the slot as with it: what all twins bind holds whichever slot is asked about.
  const twins = emptySlots(view.slots);
  for (const slots of classes) if (slots.length > 1) for (const slot of slots) addSlot(twins, slot);
  const always = weightsWithin(view, twins);
  for (const [slot] of classes) {
    if (lightSide(view, slot!, always, minMeters) === undefined) continue;
    const meters = lightSide(view, slot!, weightsWithin(view, allBut(view, slot!)), minMeters);
    if (meters !== undefined) return { slot: slot!, meters };
  }
  return undefined;
}

/** Slots of equal columns: the same meters in the load and in the same bills. Those of which nothing is known are left out. */
function slotClasses(view: FeederView): number[][] {
  const patterns = new Map<string, SlotBits>();
  for (const { load, bills } of view.meters) {
    for (const bits of [load, ...bills.map(({ cells }) => cells)]) patterns.set(bits.join(), bits);
  }
  // A slot's column: for 32 patterns a word, which hold the slot.
  const words = Array.from({ length: Math.ceil(patterns.size / 32) }, () => new Uint32Array(view.slots));
  for (const [at, bits] of [...patterns.values()].entries()) {
    const word = words[at >>> 5]!;
    for (const slot of slotsOf(bits)) word[slot]! |= 1 << (at & 31);
  }
  const classes = new Map<string, number[]>();
  for (let slot = 0; slot < view.slots; slot++) {
    if (words.every((word) => word[slot] === 0)) continue;
    const column = words.map((word) => word[slot]).join();
    const alike = classes.get(column);
    if (alike === undefined) classes.set(column, [slot]);
    else alike.push(slot);
  }
  return [...classes.values()];
}

function allBut(view: FeederView, slot: number): SlotBits {
  const others = emptySlots(view.slots);
  for (let i = 0; i < view.slots; i++) if (i !== slot) addSlot(others, i);
  return others;
}

/** What cells within a set of slots make of each bill: its node in the graph. By meter and bill, as in the view. */
type Weights = readonly (readonly number[])[];

function weightsWithin(view: FeederView, slots: SlotBits): Weights {
  const meters = view.meters.map(
    ({ meter, load, billed, bills }): MeterView => ({
      meter,
      load: and(load, slots),
      billed: and(billed, slots),
      bills: bills.map(({ cells, fresh }): BillView => ({ cells: and(cells, slots), fresh })),
    }),
  );
  const components = componentsOf({ slots: view.slots, meters }).list;
  let free = NODES + components.length;
  return meters.map(({ load, bills }) =>
    bills.map(({ cells }) => {
      if (isEmpty(cells)) return free++;
      const link = and(cells, load);
      // A bill with nothing in loads cancels against nothing.
      if (isEmpty(link)) return GROUND;
      const at = components.findIndex((component) => intersects(component.slots, link));
      return components[at]!.killers.length > 0 ? GROUND : NODES + at;
    }),
  );
}

/** The meters on the edges of a cut lighter than `minMeters`. Each cell of the slot joins what gives it its weight. */
function lightSide(view: FeederView, slot: number, weights: Weights, minMeters: number): number[] | undefined {
  const joined: { readonly a: number; readonly b: number; readonly meter: number }[] = [];
  const edges = new Map<number, Edge>();
  let nodes = NODES;
  for (const [m, { meter, load, bills }] of view.meters.entries()) {
    const held = bills.findIndex(({ cells }) => hasSlot(cells, slot));
    const a = hasSlot(load, slot) ? LOAD : GROUND;
    const b = held < 0 ? GROUND : weights[m]![held]!;
    if (a === b) continue;
    joined.push({ a, b, meter });
    // `a` is below NODES.
    const key = NODES * b + a;
    edges.set(key, { a, b, weight: (edges.get(key)?.weight ?? 0) + 1 });
    nodes = Math.max(nodes, b + 1);
  }
  const side = lightCut(nodes, [...edges.values()], minMeters);
  return side === undefined
    ? undefined
    : joined.flatMap(({ a, b, meter }) => (side.has(a) === side.has(b) ? [] : [meter]));
}
