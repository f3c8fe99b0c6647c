/**
 * Opens rounds when they are due, keeps as many going as the configuration allows, and hands answers to them. One
 * round at a time and feeder, so that what one releases is known to the next. Everything it decides is in the
 * database before anything is sent: a restart goes on where the last process was killed.
 */
import { bitmapBytes } from "../../protocol/bitmap.ts";
import type { Question, RoundAnswer, RoundRequest, SetContent } from "../../protocol/messages/round.ts";
import { type SlotRange, slotOf } from "../../protocol/slots.ts";
import { KINDS } from "../../protocol/units.ts";
import { writeBilling } from "../bills/billing-results.ts";
import { schemeOf } from "../bills/tariff-book.ts";
import { writeLoads } from "../loads/load-results.ts";
import { periodAt, periodOfSegment, type Utility } from "../settings.ts";
import { openGapPeriods } from "../store/bills-store.ts";
import { saveLoads, unreleasedRange } from "../store/loads-store.ts";
import { nextSerial, openRounds, type Queries, releasedSets, saveRound } from "../store/rounds-store.ts";
import { type Period, periodOf, localDate } from "../tariffs/index.ts";
import { type Due, nextDue, type Progress } from "./agenda.ts";
import { cellsInBills, cellsInLoads } from "./facts.ts";
import type { AgreedCells } from "./manifests.ts";
import { planBilling, planLoad } from "./plans.ts";
import { isSettled, newRound, type RoundRecord } from "./record.ts";
import { Round, type RoundOutcome, type RoundPorts, type RoundSettings } from "./round.ts";
import type { SetPlan } from "./set-builder.ts";

export interface DeskPorts {
  /** Real time in seconds that does not go back. */
  now(): number;
  send(round: string, aggregator: number, request: RoundRequest): void;
  mayAnswer(aggregator: number): boolean;
  verifyEndorsement(endorsement: Uint8Array, aggregator: number, setId: Uint8Array): void;
  refuse(code: string, detail: string): void;
  /** A round began to wait, went on again, failed, or finished. */
  notify(record: RoundRecord): void;
  /** Results are in the database. */
  settled(record: RoundRecord): void;
}

export interface DeskSettings extends RoundSettings {
  readonly maxOpenRounds: number;
}

/** Cells of one load round at most: slots times meters times kinds. */
const MAX_LOAD_CELLS = 2 ** 22;
const MAX_LOAD_SLOTS = 2_976;
/** Earlier periods that one bill looks back on. */
const MAX_LATE_PERIODS = 12;

export class RoundDesk {
  readonly #utility: Utility;
  readonly #settings: DeskSettings;
  readonly #ports: DeskPorts;
  readonly #rounds = new Map<string, Round>();
  readonly #busy = new Set<string>();
  readonly #progress = new Map<string, Progress>();
  #polling: Promise<void> | undefined;
  #pollAgain = false;
  #stopped = false;

  constructor(utility: Utility, settings: DeskSettings, ports: DeskPorts) {
    this.#utility = utility;
    this.#settings = settings;
    this.#ports = ports;
  }

  /** Reads progress and goes on with every round that is not settled. */
  async start(): Promise<void> {
    const { db } = this.#utility;
    for (const row of await db.selectFrom("feeders").selectAll().execute()) {
      this.#progress.set(row.feeder_id, { loadTo: row.load_to, sweptTo: row.swept_to, billedTo: row.billed_to });
    }
    for (const record of await openRounds(db)) this.#launch(record);
  }

  get openRounds(): number {
    return this.#rounds.size;
  }

  /** Rounds that are waiting, with their reasons. */
  waiting(): RoundRecord[] {
    return [...this.#rounds.values()].map(({ record }) => record).filter(({ status }) => status === "waiting");
  }

  /** Opens what is due and repeats what is unanswered. Calls that overlap are joined. */
  poll(): Promise<void> {
    if (this.#polling !== undefined) {
      this.#pollAgain = true;
      return this.#polling;
    }
    this.#polling = this.#pollOnce().finally(() => {
      this.#polling = undefined;
      if (!this.#pollAgain || this.#stopped) return;
      this.#pollAgain = false;
      void this.poll();
    });
    return this.#polling;
  }

  async #pollOnce(): Promise<void> {
    if (this.#stopped) return;
    for (const feeder of this.#utility.roll.feeders()) {
      if (this.#rounds.size >= this.#settings.maxOpenRounds) break;
      if (this.#busy.has(feeder)) continue;
      await this.#openDue(feeder);
    }
    await Promise.all([...this.#rounds.values()].map((round) => round.tick()));
  }

  async handle(round: string, aggregator: number, answer: RoundAnswer): Promise<void> {
    const open = this.#rounds.get(round);
    // Late answers to a settled round are the rule, not an offence.
    if (open !== undefined && !this.#stopped) await open.handle(aggregator, answer);
  }

  /** An aggregator is back. */
  async returned(aggregator: number): Promise<void> {
    await Promise.all([...this.#rounds.values()].map((round) => round.returned(aggregator)));
  }

  /** Lets what is under way finish; nothing new begins. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#polling;
    await Promise.all([...this.#rounds.values()].map((round) => round.idle()));
  }

  #progressOf(feeder: string): Progress {
    const known = this.#progress.get(feeder);
    if (known !== undefined) return known;
    const { roll, origin } = this.#utility;
    const starts = roll.meters().flatMap((meter) => {
      const places = roll.record(meter)?.places ?? [];
      return places.filter((place) => place.feeder === feeder).map(({ from }) => from);
    });
    const start = Math.max(origin, Math.min(...starts));
    return { loadTo: start, sweptTo: start, billedTo: start };
  }

  async #openDue(feeder: string): Promise<void> {
    const { clock, slotSeconds } = this.#utility;
    const nowSlot = slotOf(clock.now(), slotSeconds);
    // Skipping is quick: a feeder with nobody in it may have several steps of nothing to do.
    for (let steps = 0; steps < 64; steps++) {
      const progress = this.#progressOf(feeder);
      const period = periodAt(this.#utility, progress.billedTo);
      if (progress.billedTo >= period.slots.to) return;
      const due = nextDue(progress, period.slots, nowSlot, {
        ...this.#utility,
        maxLoadSlots: this.#maxLoadSlots(feeder, progress.loadTo),
      });
      if (due === undefined) return;
      const record = await this.#open(feeder, due, progress, period);
      if (record === undefined) continue;
      this.#launch(record);
      return;
    }
  }

  #maxLoadSlots(feeder: string, from: number): number {
    const meters = this.#utility.roll.members(feeder, { from, to: from + MAX_LOAD_SLOTS }).length;
    return Math.max(1, Math.min(MAX_LOAD_SLOTS, Math.floor(MAX_LOAD_CELLS / Math.max(1, 2 * meters))));
  }

  /** Saves progress, and the round unless there is nobody to ask; undefined then. */
  async #open(feeder: string, due: Due, progress: Progress, period: Period): Promise<RoundRecord | undefined> {
    const question = await this.#question(feeder, due, period);
    const next: Progress = {
      loadTo: due.kind === "load" ? due.range.to : progress.loadTo,
      sweptTo: due.kind === "sweep" ? due.range.to : progress.sweptTo,
      billedTo: due.kind === "billing" ? due.range.to : progress.billedTo,
    };
    const { db, slotSeconds, clock } = this.#utility;
    const record = await db.transaction().execute(async (transaction) => {
      const row = { load_to: next.loadTo, swept_to: next.sweptTo, billed_to: next.billedTo };
      await transaction
        .insertInto("feeders")
        .values({ feeder_id: feeder, ...row })
        .onConflict((conflict) => conflict.column("feeder_id").doUpdateSet(row))
        .execute();
      if (question === undefined) {
        if (due.kind === "load") await this.#saveTooFew(transaction, feeder, due.range);
        return undefined;
      }
      const opened = newRound(question, clock.now(), await nextSerial(transaction));
      await saveRound(transaction, opened, slotSeconds);
      return opened;
    });
    this.#progress.set(feeder, next);
    return record;
  }

  /** A feeder with fewer than k meters is never asked for loads; its slots say so. */
  async #saveTooFew(db: Queries, feeder: string, range: SlotRange): Promise<void> {
    const meters = this.#utility.roll.members(feeder, range).length;
    if (meters === 0) return;
    const rows = Array.from({ length: range.to - range.from }, (_, i) => ({
      feeder_id: feeder,
      slot_start: (range.from + i) * this.#utility.slotSeconds,
      energy_wh: null,
      export_wh: null,
      meters,
      status: "too-few-meters",
      spare_answers: null,
      round_id: null,
    }));
    await saveLoads(db, rows);
  }

  async #question(feeder: string, due: Due, period: Period): Promise<Question | undefined> {
    const { roll, minMeters, slotSeconds, db } = this.#utility;
    if (due.kind === "billing") return await this.#billingQuestion(feeder, period);
    let range = due.range;
    if (due.kind === "sweep") {
      const open = await unreleasedRange(db, feeder, range.from * slotSeconds, range.to * slotSeconds);
      if (open === undefined) return undefined;
      range = { from: open.first / slotSeconds, to: open.last / slotSeconds + 1 };
    }
    const meters = roll.members(feeder, range);
    if (meters.length < minMeters) return undefined;
    return { purpose: "load", feeder, meters, segments: [[range.from, range.to]], kinds: [KINDS.import, KINDS.export] };
  }

  async #billingQuestion(feeder: string, period: Period): Promise<Question | undefined> {
    const { roll } = this.#utility;
    const late = await this.#latePeriods(feeder, period);
    const segments = [period.slots, ...late.map(({ slots }) => slots)];
    const meters = [...new Set(segments.flatMap((range) => roll.members(feeder, range)))];
    meters.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    if (meters.length === 0) return undefined;
    return {
      purpose: "billing",
      feeder,
      meters,
      segments: segments.map(({ from, to }): [number, number] => [from, to]),
      kinds: Object.values(KINDS),
    };
  }

  /** Earlier periods of the feeder with gaps that may still fill: billed once, and not all beyond the window. */
  async #latePeriods(feeder: string, period: Period): Promise<Period[]> {
    const { db, slotSeconds, timezone, windowSlots } = this.#utility;
    const rows = await openGapPeriods(db, feeder, period.from);
    if (rows.length === 0) return [];
    const bills = await releasedSets(db, "billing", feeder, { from: 0, to: period.slots.from }, slotSeconds);
    const billed = new Set(bills.map(({ segments }) => segments[0]?.[0]));
    return rows
      .map((row) => periodOf(localDate(row.period_start), localDate(row.period_end), { timezone, slotSeconds }))
      .filter(({ slots }) => billed.has(slots.from) && slots.to + windowSlots >= period.slots.from)
      .slice(0, MAX_LATE_PERIODS);
  }

  #launch(record: RoundRecord): void {
    const feeder = record.question.feeder;
    this.#busy.add(feeder);
    const ports: RoundPorts = {
      now: () => this.#ports.now(),
      send: (aggregator, request) => {
        this.#ports.send(record.id, aggregator, request);
      },
      mayAnswer: (aggregator) => this.#ports.mayAnswer(aggregator),
      save: (changed) => saveRound(this.#utility.db, changed, this.#utility.slotSeconds),
      finish: (changed, outcome) => this.#finish(changed, outcome),
      plan: (current, agreed) => this.#plan(current, agreed),
      verifyEndorsement: (endorsement, aggregator, setId) => {
        this.#ports.verifyEndorsement(endorsement, aggregator, setId);
      },
      refuse: (code, detail) => {
        this.#ports.refuse(code, detail);
      },
      notify: (changed) => {
        this.#ports.notify(changed);
      },
    };
    const round = new Round(record, this.#settings, ports);
    this.#rounds.set(record.id, round);
    void round.start();
  }

  async #plan({ question, excluded }: RoundRecord, { cells }: AgreedCells): Promise<SetPlan> {
    const { db, slotSeconds, minMeters, minSlots, book } = this.#utility;
    const [from, to] = question.segments[0] ?? [0, 0];
    if (question.purpose === "load") {
      const before = await releasedSets(db, "load", question.feeder, { from, to }, slotSeconds);
      return planLoad(question, cells, releasedSlots(before), excluded, minMeters);
    }
    const range = {
      from: Math.min(...question.segments.map(([start]) => start)),
      to: Math.max(...question.segments.map(([, end]) => end)),
    };
    const loads = await releasedSets(db, "load", question.feeder, range, slotSeconds);
    const bills = await releasedSets(db, "billing", question.feeder, range, slotSeconds);
    const periods = question.segments.map((segment) => periodOfSegment(this.#utility, segment));
    const tariffs = [...new Map(question.meters.map((meter) => [book.of(meter).id, book.of(meter).tariff]))];
    return planBilling({
      question,
      agreed: cells,
      inLoads: cellsInLoads(question, loads),
      billed: cellsInBills(question, bills),
      excluded,
      minSlots,
      schemes: tariffs.map(([, tariff]) => ({
        merged: schemeOf(tariff, periods, slotSeconds, true).scheme,
        apart: schemeOf(tariff, periods, slotSeconds, false).scheme,
      })),
      tariffOf: question.meters.map((meter) => tariffs.findIndex(([id]) => id === book.of(meter).id)),
    });
  }

  async #finish(record: RoundRecord, outcome: RoundOutcome): Promise<void> {
    const { db, slotSeconds } = this.#utility;
    await db.transaction().execute(async (transaction) => {
      await saveRound(transaction, record, slotSeconds);
      if (record.question.purpose === "load") await writeLoads(transaction, record, outcome, slotSeconds);
      else await writeBilling(transaction, this.#utility, record, outcome);
    });
    if (!isSettled(record)) return;
    this.#rounds.delete(record.id);
    this.#busy.delete(record.question.feeder);
    this.#ports.settled(record);
    if (!this.#stopped) void this.poll();
  }
}

/** Slots whose import was released by an endorsed set. */
function releasedSlots(loads: readonly SetContent[]): Set<number> {
  const slots = new Set<number>();
  for (const { segments, kinds, units, meters } of loads) {
    const bytes = bitmapBytes(meters.length);
    units.forEach(([bitmap], unit) => {
      if (bitmap.length === bytes && bitmap.some((byte) => byte !== 0)) {
        slots.add((segments[0]?.[0] ?? 0) + Math.floor(unit / kinds.length));
      }
    });
  }
  return slots;
}
