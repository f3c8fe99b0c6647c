/**
 * Gathers everything released of a feeder and kind that hangs together with given periods: a period, and those tied to
 * it by outputs with late cells, and so on. The candidate set is laid on top by the caller through `addLoad` and `addBill`.
 */
import type { BillView, FeederView, MeterView } from "./components.ts";
import { type LoadStretch, meterNumbers, type Period, type ReleaseStore } from "./release-store.ts";
import { absorb, addBitmap, addSlot, emptySlots, type SlotBits } from "./slot-bits.ts";

interface Outputs {
  readonly load: SlotBits;
  readonly bills: Map<string, { readonly cells: SlotBits; readonly fresh: boolean }>;
}

export class FeederHistory {
  readonly #periods: { readonly from: number; readonly to: number; readonly offset: number }[] = [];
  readonly #meters = new Map<number, Outputs>();
  readonly slots: number;
  /** The set of each output: for "one set per cell". */
  readonly #billSet = new Map<string, Buffer>();
  readonly hasBills: boolean;

  /** `periods`: those that the candidate touches; they need not have been billed before. */
  constructor(store: ReleaseStore, feeder: string, kind: number, periods: readonly Period[]) {
    let offset = 0;
    for (const period of closure(store, feeder, kind, periods)) {
      this.#periods.push({ ...period, offset });
      offset += period.to - period.from;
    }
    this.slots = offset;
    let bills = 0;
    for (const period of this.#periods) {
      this.#addStretches(store.loadStretches(feeder, kind, period));
      for (const { meter, setId, output, slots } of store.bills(feeder, kind, period.from)) {
        bills++;
        this.addBill(meter, `${setId.toString("hex")} ${output}`, period.from, slots, false, setId);
      }
    }
    this.hasBills = bills > 0;
  }

  /** Whether a slot lies in one of the gathered periods. */
  covers(slot: number): boolean {
    return this.#periods.some(({ from, to }) => from <= slot && slot < to);
  }

  /** The position of a slot on the axis of all gathered periods. Throws RangeError for one outside. */
  indexOf(slot: number): number {
    const period = this.#periods.find(({ from, to }) => from <= slot && slot < to);
    if (period === undefined) throw new RangeError(`slot: expected one of the gathered periods, got ${slot}`);
    return period.offset + slot - period.from;
  }

  slotAt(index: number): number {
    const period = this.#periods.find(({ from, to, offset }) => offset <= index && index < offset + to - from);
    if (period === undefined) throw new RangeError(`index: expected 0 to ${this.slots - 1}, got ${index}`);
    return period.from + index - period.offset;
  }

  #addStretches(stretches: readonly LoadStretch[]): void {
    for (const { from, to, meters } of stretches) {
      const first = this.indexOf(from);
      if (to === from + 1) {
        for (const meter of meterNumbers(meters)) addSlot(this.#outputs(meter).load, first);
        continue;
      }
      const slots = emptySlots(this.slots);
      for (let slot = from; slot < to; slot++) addSlot(slots, first + slot - from);
      for (const meter of meterNumbers(meters)) absorb(this.#outputs(meter).load, slots);
    }
  }

  addLoad(slot: number, meters: readonly number[]): void {
    const index = this.indexOf(slot);
    for (const meter of meters) addSlot(this.#outputs(meter).load, index);
  }

  /** Adds cells to the output named `output` of a meter. */
  addBill(meter: number, output: string, firstSlot: number, bitmap: Uint8Array, fresh: boolean, setId?: Buffer): void {
    const { bills } = this.#outputs(meter);
    let bill = bills.get(output);
    if (bill === undefined) {
      bill = { cells: emptySlots(this.slots), fresh };
      bills.set(output, bill);
    }
    addBitmap(bill.cells, this.indexOf(firstSlot), bitmap);
    if (setId !== undefined) this.#billSet.set(`${meter} ${output}`, setId);
  }

  /** The set whose bill holds any of the given cells, if one does. */
  billSetOf(meter: number, firstSlot: number, bitmap: Uint8Array): Buffer | undefined {
    const outputs = this.#meters.get(meter);
    if (outputs === undefined || outputs.bills.size === 0) return undefined;
    const asked = emptySlots(this.slots);
    addBitmap(asked, this.indexOf(firstSlot), bitmap);
    for (const [output, { cells, fresh }] of outputs.bills) {
      if (!fresh && cells.some((word, i) => (word & asked[i]!) !== 0)) return this.#billSet.get(`${meter} ${output}`);
    }
    return undefined;
  }

  view(): FeederView {
    const meters = [...this.#meters].map(([meter, { load, bills }]): MeterView => {
      const billed = emptySlots(this.slots);
      const list: BillView[] = [...bills.values()];
      for (const { cells } of list) absorb(billed, cells);
      return { meter, load, billed, bills: list };
    });
    return { slots: this.slots, meters };
  }

  #outputs(meter: number): Outputs {
    let outputs = this.#meters.get(meter);
    if (outputs === undefined) {
      outputs = { load: emptySlots(this.slots), bills: new Map() };
      this.#meters.set(meter, outputs);
    }
    return outputs;
  }
}

function closure(store: ReleaseStore, feeder: string, kind: number, periods: readonly Period[]): Period[] {
  const used = new Map(store.periods(feeder).map((period) => [period.from, period]));
  const found = new Map(periods.map((period) => [period.from, period]));
  const queue = [...found.keys()];
  for (let from = queue.pop(); from !== undefined; from = queue.pop()) {
    for (const linked of store.linkedPeriods(feeder, kind, from)) {
      const period = used.get(linked);
      if (period === undefined || found.has(linked)) continue;
      found.set(linked, period);
      queue.push(linked);
    }
  }
  return [...found.values()].sort((a, b) => a.from - b.from);
}
