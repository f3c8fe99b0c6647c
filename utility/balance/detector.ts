/**
 * Watches the balances of one feeder, slot by slot, and raises alerts. Pure: a state goes in with a slot and comes out
 * with what was found, so that it can be kept in a database and goes on after a restart. Knows a feeder, never a meter.
 */
import { type Baseline, type Block, excessW, learn, spreadW } from "./baseline.ts";
import { added, AT_REST, type Cusum, eventRatio, shiftRatio, thresholdFor } from "./cusum.ts";
import { shapeOf } from "./shape.ts";

export interface DetectorSettings {
  readonly slotSeconds: number;
  /** Slots that are judged together; a day must hold a whole number of them. */
  readonly blockSlots: number;
  readonly learnDays: number;
  /** False alarms of a feeder and year, all kinds together. */
  readonly falseAlarmsPerYear: number;
  /** A change that is not worth an alert: so many watts, and a share of the load. */
  readonly toleranceW: number;
  readonly toleranceShare: number;
  /** What the loss model and the meters may be wrong by from the beginning, as a share of the load. */
  readonly startShare: number;
}

/** What is known of a slot. Energies in watt-hours; undefined where there is no balance. */
export interface BalanceSlot {
  readonly slot: number;
  readonly residualWh: number | undefined;
  readonly importWh: number;
  readonly exportWh: number;
  readonly meters: number;
}

/**
 * `imbalance`: more (or, with a size below 0, less) goes into the feeder than its meters and losses explain, since one
 * time. `drift`: the same, growing slowly. `jump`: one slot that fits nothing. `gaps`: slots without balance, more often
 * than usual: a meter that is reset, or kept from reporting.
 */
export type BalanceAlertKind = "imbalance" | "drift" | "jump" | "gaps";

export interface BalanceAlert {
  readonly kind: BalanceAlertKind;
  /** The slot from which on it seems to be so. */
  readonly since: number;
  /** The slot after whose end it was seen. */
  readonly detected: number;
  /** Mean power that is missing since then, in watts; of `gaps` undefined. */
  readonly sizeW: number | undefined;
}

interface Rise extends Cusum {
  /** Sum and number of what was beyond normal since the rise began. */
  readonly excess: number;
  readonly blocks: number;
  readonly open: boolean;
}

export interface DetectorState {
  /** The slot that is expected next; undefined before the first. */
  readonly next: number | undefined;
  readonly block: { readonly slots: readonly BalanceSlot[] };
  readonly learnt: readonly Block[];
  readonly baseline: Baseline | undefined;
  readonly up: Rise;
  readonly down: Rise;
  readonly gaps: Cusum & { readonly open: boolean; readonly run: number };
  /** While learning: slots seen, and how often a gap began. */
  readonly seen: { readonly slots: number; readonly gaps: number };
  /** Mean excess of each of the last days, newest last, for the shape of a change. */
  readonly days: readonly number[];
  readonly today: { readonly excess: number; readonly blocks: number };
  /** After a jump: nothing is said of the next slots. */
  readonly quietUntil: number;
}

const REST: Rise = { ...AT_REST, excess: 0, blocks: 0, open: false };
export const NEW_DETECTOR: DetectorState = {
  next: undefined,
  block: { slots: [] },
  learnt: [],
  baseline: undefined,
  up: REST,
  down: REST,
  gaps: { ...AT_REST, open: false, run: 0 },
  seen: { slots: 0, gaps: 0 },
  days: [],
  today: { excess: 0, blocks: 0 },
  quietUntil: 0,
};

/** The shift that is looked for, in standard deviations of a block, beyond the tolerance. */
const SHIFT = 0.5;
/** One odd block is no persistent change, however odd. */
const MOST_SIGMAS = 4;
const SHAPE_DAYS = 45;
const DRIFT_DAYS = 2;
/** How the rate of false alarms is shared out. */
const PARTS = { up: 0.35, down: 0.25, jump: 0.2, gaps: 0.2 };
/** A jump is also beyond what errors of time and of peaks can do to one slot: a share of the load. */
const JUMP_SHARE = 0.1;
const JUMP_W = 500;
/** A rate of gaps that is worth an alert, against the usual one; and the least that counts as usual. */
const GAPS_TIMES = 2.5;
const USUAL_GAPS = 2;
const DAY_SECONDS = 86_400;
const YEAR_SECONDS = 365.25 * DAY_SECONDS;

/** Takes the next slot. Slots come in order; those left out count as slots without balance. */
export function watch(
  before: DetectorState,
  slot: BalanceSlot,
  settings: DetectorSettings,
): { readonly state: DetectorState; readonly alerts: readonly BalanceAlert[] } {
  if (before.next !== undefined && slot.slot < before.next) {
    throw new RangeError(`slot: expected ${before.next} or later, got ${slot.slot}`);
  }
  const watching = new Watching(before, settings);
  const nothing = { residualWh: undefined, importWh: 0, exportWh: 0, meters: 0 };
  for (let missing = before.next ?? slot.slot; missing < slot.slot; missing++)
    watching.take({ slot: missing, ...nothing });
  watching.take(slot);
  return { state: watching.state, alerts: watching.alerts };
}

type Changing<T> = { -readonly [K in keyof T]: T[K] };

class Watching {
  readonly state: Changing<DetectorState>;
  readonly alerts: BalanceAlert[] = [];
  readonly #settings: DetectorSettings;

  constructor(before: DetectorState, settings: DetectorSettings) {
    this.state = { ...before };
    this.#settings = settings;
  }

  take(slot: BalanceSlot): void {
    const { state } = this;
    state.next = slot.slot + 1;
    if (state.baseline !== undefined) this.#jump(slot, state.baseline);
    this.#gap(slot);
    state.block = { slots: [...state.block.slots, slot] };
    if ((slot.slot + 1) % this.#settings.blockSlots === 0) {
      const block = this.#blockOf(state.block.slots);
      state.block = { slots: [] };
      if (block !== undefined) this.#take(block, slot.slot);
    }
    if (((slot.slot + 1) * this.#settings.slotSeconds) % DAY_SECONDS === 0) this.#endDay();
  }

  /** Undefined where less than half of the block has a balance. */
  #blockOf(slots: readonly BalanceSlot[]): Block | undefined {
    const { slotSeconds, blockSlots } = this.#settings;
    const there = slots.filter((one) => one.residualWh !== undefined);
    if (there.length === 0 || 2 * there.length < blockSlots) return undefined;
    const hours = (there.length * slotSeconds) / 3_600;
    const meanW = (of: (one: BalanceSlot) => number): number => there.reduce((sum, one) => sum + of(one), 0) / hours;
    return {
      residualW: meanW((one) => one.residualWh ?? 0),
      netW: meanW((one) => one.importWh - one.exportWh),
      throughputW: meanW((one) => one.importWh + one.exportWh),
      meters: Math.max(...there.map((one) => one.meters)),
      hours,
    };
  }

  #take(block: Block, slot: number): void {
    const { state } = this;
    if (state.baseline === undefined) {
      this.#learn(block, slot);
      return;
    }
    const excess = excessW(block, state.baseline);
    state.today = { excess: state.today.excess + excess, blocks: state.today.blocks + 1 };
    state.up = this.#change(state.up, excess, block, slot, 1);
    state.down = this.#change(state.down, excess, block, slot, -1);
  }

  #learn(block: Block, slot: number): void {
    const { learnDays, slotSeconds, blockSlots, startShare, toleranceW } = this.#settings;
    const { state } = this;
    state.learnt = [...state.learnt, block];
    const needed = Math.ceil((learnDays * DAY_SECONDS) / (slotSeconds * blockSlots));
    if (state.learnt.length < needed) return;
    state.baseline = learn(state.learnt);
    // What was there from the beginning cannot be told from a wrong model, unless it is more than models are wrong by.
    const residual = meanOf(state.learnt.map(({ residualW }) => residualW));
    const allowed = toleranceW + startShare * meanOf(state.learnt.map(({ throughputW }) => throughputW));
    const first = slot + 1 - needed * blockSlots;
    if (Math.abs(residual) > allowed) {
      this.alerts.push({ kind: "imbalance", since: first, detected: slot, sizeW: residual });
    }
    state.learnt = [];
  }

  #change(before: Rise, excess: number, block: Block, slot: number, sign: 1 | -1): Rise {
    const { toleranceW, toleranceShare, blockSlots, slotSeconds, falseAlarmsPerYear } = this.#settings;
    const baseline = this.state.baseline!;
    const scale = baseline.sigma * spreadW(block);
    const beyond = (sign * excess - toleranceW - toleranceShare * block.throughputW) / scale;
    const ratio = shiftRatio(Math.max(-MOST_SIGMAS, Math.min(MOST_SIGMAS, beyond)), SHIFT);
    const perYear = YEAR_SECONDS / (slotSeconds * blockSlots);
    const threshold = thresholdFor(falseAlarmsPerYear * (sign > 0 ? PARTS.up : PARTS.down), perYear);
    const next = added(before, ratio, slot + 1 - blockSlots, 1.5 * threshold);
    if (next.sum === 0) return REST;
    const rise = { ...next, open: before.open, excess: before.excess + excess, blocks: before.blocks + 1 };
    if (rise.open || rise.sum < threshold) return rise;
    const sizeW = rise.excess / rise.blocks;
    const perDay = DAY_SECONDS / slotSeconds;
    const shape = shapeOf(this.state.days.map((day) => sign * day));
    const lastDay = Math.floor(slot / perDay) - 1;
    // What crosses the threshold within hours has not grown.
    const drift = shape.kind === "drift" && rise.blocks * blockSlots >= DRIFT_DAYS * perDay;
    const since = drift ? Math.min(rise.since, (lastDay + 1 - shape.daysAgo) * perDay) : rise.since;
    this.alerts.push({ kind: drift ? "drift" : "imbalance", since, detected: slot, sizeW });
    return { ...rise, open: true };
  }

  #jump({ slot, residualWh, importWh, exportWh, meters }: BalanceSlot, baseline: Baseline): void {
    const { slotSeconds, falseAlarmsPerYear } = this.#settings;
    if (residualWh === undefined || slot < this.state.quietUntil) return;
    const hours = slotSeconds / 3_600;
    const of = { netW: (importWh - exportWh) / hours, throughputW: (importWh + exportWh) / hours, meters, hours };
    const excess = excessW({ ...of, residualW: residualWh / hours }, baseline);
    // Chebyshev's distance would need no distribution, and finds nothing; this bound holds for exponential tails.
    const tails = Math.log(YEAR_SECONDS / slotSeconds / (falseAlarmsPerYear * PARTS.jump));
    const far = baseline.blockSigma * spreadW(of) * tails;
    // In a change that is known already each slot would be news.
    const known = Math.max(
      0,
      ...[this.state.up, this.state.down].map(({ sum, excess: e, blocks }) => (sum > 0 ? Math.abs(e / blocks) : 0)),
    );
    if (Math.abs(excess) <= Math.max(far, JUMP_W, JUMP_SHARE * of.throughputW) + 2 * known) return;
    this.alerts.push({ kind: "jump", since: slot, detected: slot, sizeW: excess });
    this.state.quietUntil = slot + DAY_SECONDS / slotSeconds;
  }

  /** Counts how often gaps begin, and how long they last: a failure is one gap, however long. */
  #gap({ slot, residualWh }: BalanceSlot): void {
    const { slotSeconds, falseAlarmsPerYear, learnDays } = this.#settings;
    const { state } = this;
    const perDay = DAY_SECONDS / slotSeconds;
    const run = residualWh === undefined ? state.gaps.run + 1 : 0;
    const begins = run === 1;
    if (state.baseline === undefined) {
      state.seen = { slots: state.seen.slots + 1, gaps: state.seen.gaps + (begins ? 1 : 0) };
      state.gaps = { ...state.gaps, run };
      return;
    }
    const usual = Math.min(0.2, (state.seen.gaps + USUAL_GAPS) / Math.max(state.seen.slots, learnDays * perDay));
    const threshold = thresholdFor(falseAlarmsPerYear * PARTS.gaps, YEAR_SECONDS / slotSeconds);
    // Within a gap none can begin.
    const next =
      run > 1 ? state.gaps : added(state.gaps, eventRatio(begins, usual, GAPS_TIMES * usual), slot, 1.5 * threshold);
    const wasOpen = state.gaps.open && (next.sum > 0 || run > 0);
    const found = next.sum >= threshold || run >= perDay;
    if (found && !wasOpen) {
      const since = run >= perDay ? slot + 1 - run : next.since;
      this.alerts.push({ kind: "gaps", since, detected: slot, sizeW: undefined });
    }
    state.gaps = { sum: next.sum, since: next.since, run, open: wasOpen || found };
  }

  #endDay(): void {
    const { state } = this;
    const { excess, blocks } = state.today;
    if (blocks > 0) state.days = [...state.days, excess / blocks].slice(-SHAPE_DAYS);
    state.today = { excess: 0, blocks: 0 };
  }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
