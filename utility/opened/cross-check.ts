/**
 * The comparison of shares and ciphertexts, kept in `he_checks`: made when a job is opened, and again when loads that
 * were missing are released. A difference is told as an alert and logged, once.
 */
import { KINDS } from "../../protocol/units.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";
import { decodeCbor } from "../../protocol/cbor.ts";
import { unpackNumbers } from "../../protocol/messages/ckks.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { UtilityDatabase } from "../store/open.ts";
import type { HeChecksTable, HeResultRow } from "../store/opened-tables.ts";
import { type OpenedJob, withMeters } from "./opened-job.ts";
import type { OpenedStore } from "./opened-store.ts";
import { PLAIN_CIRCUITS, plainCircuit } from "./plain.ts";
import { type CheckStatus, compare, type SlotLoad, type Verdict } from "./verdict.ts";

export interface CrossCheckPorts {
  readonly db: UtilityDatabase;
  readonly store: OpenedStore;
  readonly slotSeconds: number;
  /** So long after a window its loads may still come. */
  readonly waitSeconds: number;
  /** Unix seconds. */
  readonly now: () => number;
  /** Reads a transcript that was accepted before. */
  readonly read: (transcript: Uint8Array) => OpenedJob;
  readonly alert: (code: string, message: string) => void;
  readonly log: Pick<Logger, "warn" | "info">;
}

/** Checks of so many jobs at a time; a job that waits for loads is one of the next. */
const AT_ONCE = 256;
const ABSENT: SlotLoad = { energyWh: undefined, meters: 0, spareAnswers: 0, status: "absent" };

export class CrossCheck {
  readonly #ports: CrossCheckPorts;
  #running: Promise<void> | undefined;
  #more = false;

  constructor(ports: CrossCheckPorts) {
    this.#ports = ports;
  }

  /** Compares a job that was just opened. False for circuits and series that loads say nothing about. */
  async opened(result: HeResultRow, job: OpenedJob): Promise<boolean> {
    const { series, bound, timeSlots, shape } = job;
    const plain = plainCircuit(bound.circuit.name);
    if (plain === undefined || series.content !== "energy" || timeSlots !== shape.slots) return false;
    if (result.status === "inconsistent") {
      await this.#keep(result, verdictOn(result));
      return true;
    }
    if (result.status !== "final" || result.opened === null) return false;
    const slots = (decodeCbor(result.opened) as Uint8Array[]).map(unpackNumbers);
    await this.#keep(result, compare(job, plain, slots, await this.#loads(job)));
    return true;
  }

  /** Compares what an earlier process opened and did not come to compare, and goes on with what waits. */
  async resume(): Promise<void> {
    const rows = await this.#ports.db
      .selectFrom("he_results")
      .select("job")
      .where("circuit", "in", PLAIN_CIRCUITS)
      .where("status", "in", ["final", "inconsistent"])
      .where("job", "not in", (query) => query.selectFrom("he_checks").select("job"))
      .execute();
    for (const { job } of rows) await this.#check(job);
    await this.again();
  }

  /** Goes on with jobs whose loads had not all been released. Calls that overlap are joined. */
  again(): Promise<void> {
    this.#more = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#more) {
      this.#more = false;
      await this.#again();
    }
  }

  async #again(): Promise<void> {
    const { db, now, waitSeconds } = this.#ports;
    const rows = await db
      .selectFrom("he_checks")
      .select("job")
      .where("slots_waiting", ">", 0)
      .where("status", "in", ["waiting", "agree"])
      .where("window_end", ">", Math.floor(now() - waitSeconds))
      .orderBy("checked_at")
      .limit(AT_ONCE)
      .execute();
    for (const { job } of rows) await this.#check(job);
  }

  async #check(job: string): Promise<void> {
    const { store, read, log } = this.#ports;
    const [result, transcript] = [await store.result(job), await store.transcript(job)];
    if (result === undefined || transcript === undefined) return;
    try {
      const { meters_by_slot: meters } = result;
      const job = read(transcript);
      await this.opened(result, meters === null ? job : withMeters(job, JSON.parse(meters) as number[]));
    } catch (error) {
      if (!(error instanceof CkksError)) throw error;
      log.warn({ job }, `a job cannot be compared any more: ${error.message}`); // the configuration has changed
    }
  }

  async #loads({ transcript, timeSlots, series }: OpenedJob): Promise<SlotLoad[][]> {
    const { db, slotSeconds } = this.#ports;
    const from = transcript.firstSlot * slotSeconds;
    const bySlot = new Map<string, SlotLoad>();
    for (const feeder of transcript.feeders) {
      const rows = await db
        .selectFrom("feeder_loads")
        .selectAll()
        .where("feeder_id", "=", feeder)
        .where("slot_start", ">=", from)
        .where("slot_start", "<", from + timeSlots * slotSeconds)
        .execute();
      for (const row of rows) {
        const energy = series.kind === KINDS.export ? row.export_wh : row.energy_wh;
        bySlot.set(`${feeder} ${row.slot_start}`, {
          energyWh: row.status === "final" && energy !== null ? energy : undefined,
          meters: row.meters,
          spareAnswers: row.spare_answers ?? 0,
          status: row.status,
        });
      }
    }
    return Array.from({ length: timeSlots }, (_, i) =>
      transcript.feeders.map((feeder) => bySlot.get(`${feeder} ${from + i * slotSeconds}`) ?? ABSENT),
    );
  }

  async #keep(result: HeResultRow, verdict: Verdict): Promise<void> {
    const { db, now, slotSeconds } = this.#ports;
    const { job, feeders, series, window_start, window_end, unit } = result;
    const { status, reason, differsAt } = verdict;
    const before = await db.selectFrom("he_checks").select("status").where("job", "=", job).executeTakeFirst();
    const content: Omit<HeChecksTable, "job"> = {
      ...{ feeders, series, window_start, window_end, unit, status, reason },
      slots_compared: verdict.slotsCompared,
      slots_waiting: verdict.slotsWaiting,
      slots_differing: verdict.slotsDiffering,
      agree: status === "waiting" ? null : Number(status === "agree"),
      largest_difference: verdict.largestDifference ?? null,
      differs_at: differsAt === undefined ? null : window_start + differsAt * slotSeconds,
      bound: verdict.bound ?? null,
      spare_answers: verdict.spareAnswers ?? null,
      checked_at: Math.floor(now()),
    };
    await db
      .insertInto("he_checks")
      .values({ job, ...content })
      .onConflict((conflict) => conflict.column("job").doUpdateSet(content))
      .execute();
    if (before?.status !== status) this.#tell(result, verdict);
  }

  #tell({ job, circuit, feeders }: HeResultRow, verdict: Verdict): void {
    const { status, reason, slotsCompared, slotsDiffering, differsAt } = verdict;
    const { log, alert } = this.#ports;
    if (status === "waiting") return;
    if (status === "agree") {
      log.info({ job, circuit, feeders, slots: slotsCompared }, "shares and ciphertexts agree");
      return;
    }
    const where = differsAt === undefined ? "" : ` in ${slotsDiffering} slots`;
    const text = `${circuit} of ${feeders}: shares and ciphertexts differ${where} (${WRONG[status]}): ${reason}`;
    log.warn({ job, circuit, feeders, slots: slotsDiffering, status }, text);
    alert(`cross-check-${status}`, text);
  }
}

const WRONG: Readonly<Record<Exclude<CheckStatus, "waiting" | "agree">, string>> = {
  ciphertexts: "the ciphertexts are wrong",
  shares: "the shares are wrong",
  meters: "values of a meter differ",
  unknown: "which is wrong is not known",
};

/** An opening that is no opening: whatever the loads say, the ciphertexts are wrong. */
function verdictOn({ reason }: HeResultRow): Verdict {
  return {
    ...{ status: "ciphertexts", reason, slotsCompared: 0, slotsWaiting: 0, slotsDiffering: 0 },
    ...{ largestDifference: undefined, differsAt: undefined, bound: undefined, spareAnswers: undefined },
  };
}
