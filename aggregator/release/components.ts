/**
 * Which slots of a feeder hang together: whoever combines released totals so that a meter's bill cancels against feeder
 * loads must weight all slots of that bill alike. Bills that share a slot tie their slots into one component.
 */
import { absorb, and, andNot, emptySlots, intersects, isEmpty, type SlotBits, within } from "./slot-bits.ts";

/** What is released of one feeder and kind over an axis of slots. */
export interface FeederView {
  readonly slots: number;
  readonly meters: readonly MeterView[];
}

export interface MeterView {
  /** The meter's number in this aggregator's database. */
  readonly meter: number;
  /** Slots whose feeder load includes this meter. */
  readonly load: SlotBits;
  /** Cells of each bill output, disjoint. */
  readonly bills: readonly BillView[];
  /** All cells of all bills. */
  readonly billed: SlotBits;
}

export interface BillView {
  readonly cells: SlotBits;
  /** Part of what is to be released now, not of the past. */
  readonly fresh: boolean;
}

/** A set of slots on which a combination that cancels whole bills has one weight. */
export interface Component {
  readonly slots: SlotBits;
  /** Up to two meters that keep the component from cancelling: something of theirs is in only one of bill and load. */
  readonly killers: number[];
}

export interface Components {
  readonly list: readonly Component[];
  /** Meters whose bills shaped the components; without any other meter they are the same. */
  readonly shapedBy: ReadonlySet<MeterView>;
}

/** The components tied by the bills of all meters but `without`. */
export function componentsOf(view: FeederView, without?: MeterView): Components {
  let sets: SlotBits[] = [];
  const shapedBy = new Set<MeterView>();
  for (const meter of view.meters) {
    if (meter === without) continue;
    for (const { cells } of meter.bills) {
      // Only cells in both tie: a cell that no load holds says nothing about the weight of its slot.
      const link = and(cells, meter.load);
      if (isEmpty(link)) continue;
      const touched = sets.filter((set) => intersects(set, link));
      if (touched.length === 1 && within(link, touched[0]!)) continue;
      shapedBy.add(meter);
      const joined = emptySlots(view.slots);
      absorb(joined, link);
      for (const set of touched) absorb(joined, set);
      sets = [...sets.filter((set) => !touched.includes(set)), joined];
    }
  }
  const list = sets.map((slots): Component => ({ slots, killers: [] }));
  for (const meter of view.meters) if (meter !== without) addKills(list, meter);
  return { list, shapedBy };
}

function addKills(list: readonly Component[], meter: MeterView): void {
  const inLoad = meter.bills.every(({ cells }) => within(cells, meter.load));
  if (inLoad && within(meter.load, meter.billed)) return;
  const unbilled = andNot(meter.load, meter.billed);
  const broken = meter.bills
    .filter(({ cells }) => !within(cells, meter.load))
    .map(({ cells }) => and(cells, meter.load));
  for (const { slots, killers } of list) {
    if (killers.length >= 2) continue;
    if (intersects(slots, unbilled) || broken.some((link) => intersects(slots, link))) killers.push(meter.meter);
  }
}
