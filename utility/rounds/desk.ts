/**
 * Opens rounds when they are due, keeps as many going as the configuration allows, and hands answers to them. One
 * round at a time and feeder, so that what one releases is known to the next. Everything it decides is in the
 * database before anything is sent: a restart goes on where the last process was killed.
 */
import type { RoundAnswer, RoundRequest } from "../../protocol/messages/round.ts";
import { sameBytes } from "../../protocol/log/index.ts";
import { slotOf } from "../../protocol/slots.ts";
import { BalanceAgenda } from "../balance/agenda.ts";
import { keepBook } from "../bills/period-book.ts";
import { judgeVector } from "../learning/results.ts";
import { LearningRounds } from "../learning/rounds.ts";
import { failureEntry, lieEntries, setEntry } from "../ledger/entries.ts";
import { periodAt, periodOfSegment, type Utility } from "../settings.ts";
import { nextSerial, openRounds, saveDetections, saveRound } from "../store/rounds-store.ts";
import type { Period } from "../../billing/tariffs/index.ts";
import { type Due, nextDue, type Progress } from "./agenda.ts";
import { BusyFeeders } from "./busy-feeders.ts";
import type { Detection } from "./detections.ts";
import { planOf } from "./planner.ts";
import { maxLoadSlots, questionOf, saveTooFew } from "./questions.ts";
import { isSettled, newRound, type RoundRecord } from "./record.ts";
import { Round } from "./round.ts";
import { writeResults } from "./results.ts";
import type { RoundOutcome, RoundPorts, RoundSettings } from "./round-ports.ts";

export interface DeskPorts {
  /** Real time in seconds that does not go back. */
  now(): number;
  send(round: string, aggregator: number, request: RoundRequest): void;
  mayAnswer(aggregator: number): boolean;
  verifyEndorsement(endorsement: Uint8Array, aggregator: number, setId: Uint8Array): void;
  refuse(code: string, detail: string): void;
  /** A round began to wait, went on again, failed, or finished. */
  notify(record: RoundRecord): void;
  /** An aggregator answered wrongly; it is in the database. */
  detected(record: RoundRecord, detection: Detection): void;
  /** Results are in the database. */
  settled(record: RoundRecord): void;
}

export interface DeskSettings extends RoundSettings {
  readonly maxOpenRounds: number;
}

const MAX_PERIODS = 256;

export class RoundDesk {
  readonly #utility: Utility;
  readonly #settings: DeskSettings;
  readonly #ports: DeskPorts;
  readonly #rounds = new Map<string, Round>();
  /** Of each feeder the round of its loads and bills, and that of its balances, which goes on beside it. */
  readonly #busy: BusyFeeders;
  readonly #balancing = new Set<string>();
  readonly #balances: BalanceAgenda;
  readonly learning: LearningRounds;
  readonly #progress = new Map<string, Progress>();
  readonly #periods = new Map<number, Period>();
  #polling: Promise<void> | undefined;
  #pollAgain = false;
  #stopped = false;

  constructor(utility: Utility, settings: DeskSettings, ports: DeskPorts) {
    this.#utility = utility;
    this.#settings = settings;
    this.#ports = ports;
    this.#busy = new BusyFeeders(settings.answerSeconds);
    this.#balances = new BalanceAgenda(utility);
    this.learning = new LearningRounds(utility, settings.maxOpenRounds);
  }

  /** Goes on with every round that is not settled. */
  async start(): Promise<void> {
    const { db } = this.#utility;
    for (const row of await db.selectFrom("feeders").selectAll().execute()) {
      this.#progress.set(row.feeder_id, { loadTo: row.load_to, sweptTo: row.swept_to, billedTo: row.billed_to });
    }
    await this.#balances.start();
    await this.learning.start();
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
    await this.#openLearning();
    for (const feeder of this.#utility.roll.feeders()) {
      if (this.#rounds.size >= this.#settings.maxOpenRounds) break;
      if (!this.#busy.has(feeder, this.#ports.now())) await this.#openDue(feeder);
      if (!this.#balancing.has(feeder)) await this.#openBalance(feeder);
    }
    await Promise.all([...this.#rounds.values()].map((round) => round.tick()));
  }

  async #openLearning(): Promise<void> {
    const record = await this.learning.open();
    if (record !== undefined) this.#launch(record);
  }

  /** An answer, and the same as its sender signed it. */
  async handle(round: string, aggregator: number, answer: RoundAnswer, signed: Uint8Array): Promise<void> {
    const open = this.#rounds.get(round);
    // Late answers to a settled round are the rule, not an offence.
    if (open !== undefined && !this.#stopped) await open.handle(aggregator, answer, signed);
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
      const period = this.#periodAt(progress.billedTo);
      if (progress.billedTo >= period.slots.to) return;
      const due = nextDue(progress, period.slots, nowSlot, {
        ...this.#utility,
        maxLoadSlots: () => maxLoadSlots(this.#utility, feeder, progress.loadTo),
      });
      if (due === undefined) return;
      const record = await this.#open(feeder, due, progress, period);
      if (record === undefined) continue;
      this.#launch(record);
      return;
    }
  }

  /** Balances are asked for where loads are settled, and beside whatever else goes on. */
  async #openBalance(feeder: string): Promise<void> {
    const open = this.#busy.record(feeder)?.question;
    const asked = open?.purpose === "load" ? (open.segments[0]?.[0] ?? 0) : Number.POSITIVE_INFINITY;
    const record = await this.#balances.open(feeder, Math.min(this.#progressOf(feeder).loadTo, asked));
    if (record !== undefined) this.#launch(record);
  }

  /** Every feeder asks for the same few periods at every poll, and the calendar is slow. */
  #periodAt(slot: number): Period {
    let period = this.#periods.get(slot);
    if (period === undefined) {
      period = periodAt(this.#utility, slot);
      if (this.#periods.size >= MAX_PERIODS) this.#periods.clear();
      this.#periods.set(slot, period);
    }
    return period;
  }

  /** Saves progress, and the round unless there is nobody to ask; undefined then. */
  async #open(feeder: string, due: Due, progress: Progress, period: Period): Promise<RoundRecord | undefined> {
    const question = await questionOf(this.#utility, feeder, due, period);
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
        if (due.kind === "load") await saveTooFew(transaction, this.#utility, feeder, due.range);
        return undefined;
      }
      const opened = newRound(question, clock.now(), await nextSerial(transaction));
      await saveRound(transaction, opened, slotSeconds);
      return opened;
    });
    this.#progress.set(feeder, next);
    return record;
  }

  #launch(record: RoundRecord): void {
    const { feeder, purpose } = record.question;
    const ports: RoundPorts = {
      now: () => this.#ports.now(),
      send: (aggregator, request) => {
        this.#ports.send(record.id, aggregator, request);
      },
      mayAnswer: (aggregator) => this.#ports.mayAnswer(aggregator),
      save: (changed) => this.#save(changed),
      finish: (changed, outcome) => this.#finish(changed, outcome),
      judge: (content, collected) => {
        if (purpose === "vector") judgeVector(content, collected, this.learning.shape(feeder));
      },
      plan: (current, agreed) => planOf(this.#utility, current, agreed),
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
    const provable = purpose === "vector" ? this.learning.provable(feeder, this.#settings.threshold) : undefined;
    const round = new Round(record, { ...this.#settings, provable }, ports);
    this.#rounds.set(record.id, round);
    if (purpose === "balance") this.#balancing.add(feeder);
    else this.#busy.add(feeder, () => round.record, this.#ports.now());
    void round.tick();
  }

  /** A set is in the log before anyone is asked for it, with the tariffs by which its period is billed. */
  async #save(record: RoundRecord): Promise<void> {
    const { db, slotSeconds, ledger, clock, book } = this.#utility;
    const { setId } = record;
    if (record.state !== "fixed" || setId === undefined) {
      await saveRound(db, record, slotSeconds);
      return;
    }
    await db.transaction().execute(async (transaction) => {
      const before = await transaction
        .selectFrom("rounds")
        .select("set_id")
        .where("id", "=", record.id)
        .executeTakeFirst();
      await saveRound(transaction, record, slotSeconds);
      const [own] = record.question.purpose === "billing" ? record.question.segments : [];
      if (own !== undefined) await keepBook(transaction, book, periodOfSegment(this.#utility, own));
      const known = before?.set_id ?? undefined;
      const isLogged = known !== undefined && sameBytes(known, setId);
      if (!isLogged) await ledger.append(transaction, clock.now(), [setEntry(record)]);
    });
  }

  async #finish(record: RoundRecord, outcome: RoundOutcome): Promise<void> {
    const { db, slotSeconds, ledger, clock } = this.#utility;
    await db.transaction().execute(async (transaction) => {
      await saveRound(transaction, record, slotSeconds);
      const detected = await saveDetections(transaction, record.id, outcome.detections, clock.now());
      const entries = await writeResults(transaction, this.#utility, record, outcome);
      const failure = record.state === "failed" ? [failureEntry(record)] : [];
      const lies = isSettled(record) ? lieEntries(record, detected) : [];
      await ledger.append(transaction, clock.now(), [...lies, ...failure, ...entries]);
    });
    if (!isSettled(record)) return;
    this.#rounds.delete(record.id);
    const { purpose, feeder } = record.question;
    if (purpose === "vector") this.learning.settled(feeder);
    if (purpose === "balance") this.#balancing.delete(feeder);
    else this.#busy.end(feeder, record.id);
    for (const detection of outcome.detections) this.#ports.detected(record, detection);
    this.#ports.settled(record);
    if (!this.#stopped) void this.poll();
  }
}
