/**
 * May these totals be known together? Three questions about all that is released of one feeder and kind:
 *
 * 1. Of a single meter: can any linear combination of loads and bills leave cells of one meter alone, fewer than s of
 *    them? Answered exactly (docs/decisions/002-release-rules.md): what can be left over of a meter are the vectors that
 *    are constant on components and on its bills, and the smallest of them is the lightest cut of a small graph.
 * 2. Of all meters: cells that are in bills but not in loads, and the reverse, are none, or at least s of at least two
 *    meters, within each component: in all, among what is new, and in bills at slots whose load is known here, since
 *    another aggregator may know a load that this one does not.
 * 3. Of a single slot: can any linear combination leave cells of one slot alone, of fewer than k meters?
 *    Answered exactly too (single-slot.ts).
 */
import { type Component, componentsOf, type FeederView, type MeterView } from "./components.ts";
import { type Edge, lightCut } from "./min-cut.ts";
import { singleSlotFault } from "./single-slot.ts";
import {
  addSlot,
  and,
  andNot,
  countSlots,
  emptySlots,
  intersects,
  isEmpty,
  absorb,
  type SlotBits,
  within,
} from "./slot-bits.ts";

/** What would give away too little of too few. Names meters and slots, never values. */
export interface DifferenceFault {
  readonly rule: "single-meter" | "single-slot" | "billed-not-in-load" | "in-load-not-billed";
  /** Whether only what is new now falls short, or all together. */
  readonly fresh: boolean;
  readonly cells: readonly { readonly meter: number; readonly slots: SlotBits }[];
  readonly count: number;
}

/** What may be known of a meter or of a slot. */
export interface ReleaseLimits {
  /** k: fewest meters. */
  readonly minMeters: number;
  /** s: fewest slots. */
  readonly minSlots: number;
}

/** The first fault found, or undefined. `freshLoad`: slots whose load is to be released now. */
export function differenceFault(
  view: FeederView,
  freshLoad: SlotBits,
  { minMeters, minSlots }: ReleaseLimits,
): DifferenceFault | undefined {
  const loadedSlots = emptySlots(view.slots);
  for (const { load } of view.meters) absorb(loadedSlots, load);
  for (const component of componentsOf(view).list) {
    const fault = componentFault(view, component, { freshLoad, loadedSlots }, minSlots);
    if (fault !== undefined) return fault;
  }
  return meterLeak(view, minSlots) ?? slotLeak(view, minMeters);
}

/** The first question alone. */
export function meterLeak(view: FeederView, minSlots: number): DifferenceFault | undefined {
  const all = componentsOf(view);
  for (const meter of view.meters) {
    const components = all.shapedBy.has(meter) ? componentsOf(view, meter) : all;
    const fault = singleMeterFault(view, meter, components.list, minSlots);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The third question alone. */
export function slotLeak(view: FeederView, minMeters: number): DifferenceFault | undefined {
  const fault = singleSlotFault(view, minMeters);
  if (fault === undefined) return undefined;
  const slots = emptySlots(view.slots);
  addSlot(slots, fault.slot);
  const cells = fault.meters.map((meter) => ({ meter, slots }));
  return { rule: "single-slot", fresh: false, cells, count: cells.length };
}

interface Tally {
  readonly cells: { meter: number; slots: SlotBits }[];
  count: number;
}

function componentFault(
  view: FeederView,
  { slots }: Component,
  { freshLoad, loadedSlots }: { readonly freshLoad: SlotBits; readonly loadedSlots: SlotBits },
  minSlots: number,
): DifferenceFault | undefined {
  const tally = (): Tally => ({ cells: [], count: 0 });
  const billed = { all: tally(), fresh: tally(), here: tally() };
  const loaded = { all: tally(), fresh: tally() };
  for (const meter of view.meters) {
    let missing: SlotBits | undefined;
    let fresh: SlotBits | undefined;
    for (const bill of meter.bills) {
      // Nearly always a bill lies within the loads, and nothing is to be counted.
      if (within(bill.cells, meter.load) || !intersects(and(bill.cells, meter.load), slots)) continue;
      const rest = andNot(bill.cells, meter.load);
      absorb((missing ??= emptySlots(view.slots)), rest);
      if (bill.fresh) absorb((fresh ??= emptySlots(view.slots)), rest);
    }
    if (missing !== undefined) {
      addTo(billed.all, meter, missing);
      addTo(billed.here, meter, and(missing, loadedSlots));
    }
    if (fresh !== undefined) addTo(billed.fresh, meter, fresh);
    if (within(meter.load, meter.billed)) continue;
    const unbilled = andNot(and(meter.load, slots), meter.billed);
    addTo(loaded.all, meter, unbilled);
    addTo(loaded.fresh, meter, and(unbilled, freshLoad));
  }
  const fault = (
    rule: DifferenceFault["rule"],
    fresh: boolean,
    { cells, count }: Tally,
  ): DifferenceFault | undefined =>
    count === 0 || (count >= minSlots && cells.length >= 2) ? undefined : { rule, fresh, cells, count };
  return (
    fault("billed-not-in-load", false, billed.all) ??
    fault("billed-not-in-load", false, billed.here) ??
    fault("billed-not-in-load", true, billed.fresh) ??
    fault("in-load-not-billed", false, loaded.all) ??
    fault("in-load-not-billed", true, loaded.fresh)
  );
}

function addTo(tally: Tally, { meter }: MeterView, slots: SlotBits): void {
  const count = countSlots(slots);
  if (count === 0) return;
  tally.cells.push({ meter, slots });
  tally.count += count;
}

/**
 * Nodes: 0 the ground, then the components that can cancel for all other meters, then the meter's bills. A cell is an
 * edge between its component and its bill (the ground where it has none). A vector that lives on this meter alone gives
 * each node a potential, the ground 0, and is non-zero on the edges between different potentials: on a cut.
 */
function singleMeterFault(
  view: FeederView,
  meter: MeterView,
  components: readonly Component[],
  minSlots: number,
): DifferenceFault | undefined {
  const live = components.filter(
    ({ slots, killers }) => killers.every((killer) => killer === meter.meter) && intersects(slots, meter.load),
  );
  const edges: (Edge & { cells: SlotBits })[] = [];
  const connect = (a: number, b: number, cells: SlotBits): void => {
    if (!isEmpty(cells)) edges.push({ a, b, weight: countSlots(cells), cells });
  };
  const reached = emptySlots(view.slots);
  const held = live.map(({ slots }) => {
    const cells = and(slots, meter.load);
    absorb(reached, cells);
    return cells;
  });
  for (const [c, cells] of held.entries()) {
    for (const [b, bill] of meter.bills.entries()) connect(1 + c, 1 + live.length + b, and(cells, bill.cells));
    connect(1 + c, 0, andNot(cells, meter.billed));
  }
  for (const [b, bill] of meter.bills.entries()) connect(1 + live.length + b, 0, andNot(bill.cells, reached));
  const side = lightCut(1 + live.length + meter.bills.length, edges, minSlots);
  if (side === undefined) return undefined;
  const slots = emptySlots(view.slots);
  for (const { a, b, cells } of edges) if (side.has(a) !== side.has(b)) absorb(slots, cells);
  return { rule: "single-meter", fresh: false, cells: [{ meter: meter.meter, slots }], count: countSlots(slots) };
}
