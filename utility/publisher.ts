/**
 * Publishes results that are in the database and were not published yet: feeder loads for anyone, bills, sealed and
 * with their receipts, to their customers. A row is marked when the broker has it; after a kill a row may go out twice, never not at all.
 */
import type { Logger } from "../config/runtime/logger.ts";
import type { Signer } from "../protocol/envelope/index.ts";
import type { Alert, FeederLoad } from "../protocol/messages/public.ts";
import { EXACT } from "../protocol/privacy-labels.ts";
import { topicOf } from "../protocol/topics.ts";
import { balanceAlert } from "./balance/alert.ts";
import { sendBill } from "./bills/courier.ts";
import type { Receipts } from "./ledger/receipts.ts";
import type { Detection } from "./rounds/detections.ts";
import { namingNobody, type RoundRecord } from "./rounds/record.ts";
import { type FeederLoadsRow, markPublished, unpublishedLoads } from "./store/loads-store.ts";
import { markAlertPublished, unpublishedAlerts } from "./store/balances-store.ts";
import type { UtilityDatabase } from "./store/open.ts";

export interface PublisherPorts {
  /** Resolves when the broker has it; rejects when it may not have it. */
  publish(topic: string, payload: Uint8Array | string): Promise<void>;
  /** The customer's public key, or undefined for a meter that has none yet. */
  customerKey(meter: string): Uint8Array | undefined;
  connected(): boolean;
}

const LOADS_AT_ONCE = 256;
const BILLS_AT_ONCE = 64;

export class Publisher {
  readonly #db: UtilityDatabase;
  readonly #signer: Signer;
  readonly #slotSeconds: number;
  readonly #ports: PublisherPorts;
  readonly #log: Pick<Logger, "warn" | "info">;
  readonly #receipts: Receipts;
  readonly #keyless = new Set<string>();
  /** Final bills that cannot be proved: erased, or older than the log. */
  readonly #gone = new Set<string>();
  #running: Promise<void> | undefined;
  #again = false;

  constructor(
    db: UtilityDatabase,
    signer: Signer,
    slotSeconds: number,
    receipts: Receipts,
    ports: PublisherPorts,
    log: Pick<Logger, "warn" | "info">,
  ) {
    this.#db = db;
    this.#receipts = receipts;
    this.#signer = signer;
    this.#slotSeconds = slotSeconds;
    this.#ports = ports;
    this.#log = log;
  }

  /** Publishes everything that waits. Calls that overlap are joined. */
  flush(): Promise<void> {
    if (this.#running !== undefined) {
      this.#again = true;
      return this.#running;
    }
    this.#again = false;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#again) void this.flush();
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    while (this.#ports.connected() && (await this.#publishLoads())) {}
    while (this.#ports.connected() && (await this.#publishAlerts())) {}
    while (this.#ports.connected() && (await this.#sendBills())) {}
  }

  /** Customers' keys have come: their bills need not wait any longer. */
  keysArrived(meters: readonly string[]): void {
    if (meters.length === 0) return;
    for (const meter of meters) this.#keyless.delete(meter);
    void this.flush();
  }

  /** Something a person should know. Lost when the broker is away: the database keeps the reason. */
  alert(alert: Alert): void {
    this.#ports.publish(topicOf("alert", { topic: "round" }), JSON.stringify(alert)).catch(() => {});
  }

  /** True when there may be more. */
  async #publishLoads(): Promise<boolean> {
    const rows = await unpublishedLoads(this.#db, LOADS_AT_ONCE);
    if (rows.length === 0) return false;
    const results = await Promise.allSettled(rows.map((row) => this.#publishLoad(row)));
    const sent = rows.filter((_, i) => results[i]?.status === "fulfilled");
    const feeders = new Set(sent.map((row) => row.feeder_id));
    for (const feeder of feeders) {
      const slots = sent.filter((row) => row.feeder_id === feeder).map((row) => row.slot_start);
      await markPublished(this.#db, feeder, slots);
    }
    return sent.length === LOADS_AT_ONCE;
  }

  /** True when there may be more. Of a feeder, never of a meter: nobody knows whose it is. */
  async #publishAlerts(): Promise<boolean> {
    const rows = await unpublishedAlerts(this.#db, LOADS_AT_ONCE);
    const results = await Promise.allSettled(
      rows.map((row) => this.#ports.publish(topicOf("alert", { topic: "balance" }), JSON.stringify(balanceAlert(row)))),
    );
    const sent = rows.filter((_, i) => results[i]?.status === "fulfilled");
    for (const row of sent) {
      await markAlertPublished(this.#db, row);
      this.#log.warn({ feeder: row.feeder_id }, balanceAlert(row).message);
    }
    return sent.length === LOADS_AT_ONCE;
  }

  async #publishLoad(row: FeederLoadsRow): Promise<void> {
    const energyWh = row.energy_wh ?? 0;
    const load: FeederLoad = {
      feederId: row.feeder_id,
      slotStart: row.slot_start,
      slotSeconds: this.#slotSeconds,
      energyWh,
      exportWh: row.export_wh,
      powerW: (energyWh * 3600) / this.#slotSeconds,
      meters: row.meters,
      status: row.status,
      privacy: EXACT,
    };
    await this.#ports.publish(topicOf("feederLoad", { feeder: row.feeder_id }), JSON.stringify(load));
  }

  async #sendBills(): Promise<boolean> {
    let query = this.#db.selectFrom("bills").selectAll().where("sent", "=", 0).where("status", "=", "final");
    const left = [...this.#keyless, ...this.#gone];
    if (left.length > 0) query = query.where("meter_id", "not in", left);
    const bills = await query.orderBy("period_start").orderBy("meter_id").limit(BILLS_AT_ONCE).execute();
    const publish = (topic: string, payload: Uint8Array): Promise<void> => this.#ports.publish(topic, payload);
    const courier = { db: this.#db, signer: this.#signer, receipts: this.#receipts, publish };
    let sent = 0;
    for (const bill of bills) {
      const key = this.#ports.customerKey(bill.meter_id);
      if (key === undefined) {
        this.#keyless.add(bill.meter_id);
        this.#log.warn({ meter: bill.meter_id }, "no customer key: this bill stays in the database");
        continue;
      }
      const outcome = await sendBill(courier, bill, key);
      // Bills are covered in the order of the log: the next ones wait, too.
      if (outcome === "waiting") return false;
      if (outcome === "gone") {
        this.#gone.add(bill.meter_id);
        this.#log.warn({ meter: bill.meter_id }, "a bill is not in the log (any more): it is not sent");
        continue;
      }
      sent += 1;
    }
    return sent > 0 && bills.length === BILLS_AT_ONCE;
  }
}

/** What anyone is told of an aggregator that answered wrongly. */
export function detectionAlert(record: RoundRecord, { aggregator, verdict, detail }: Detection, time: number): Alert {
  const who = verdict === "liar" ? `aggregator ${aggregator} lied` : `aggregator ${aggregator}, or meters, are wrong`;
  const what = `${record.question.purpose} round of feeder ${record.question.feeder}`;
  const code = verdict === "liar" ? "aggregator-lied" : "aggregator-disputed";
  const message = `${who} in the ${what}: ${namingNobody(detail, record)}`.slice(0, 4000);
  return { time: Math.floor(time), code, message, round: record.id };
}

/** What anyone is told about a round that waits, goes on, or failed. */
export function roundAlert(record: RoundRecord, time: number): Alert {
  const what = `${record.question.purpose} round of feeder ${record.question.feeder}`;
  const reason = namingNobody(record.reason, record);
  const text =
    record.status === "waiting"
      ? `${what} waits: ${reason}`
      : record.state === "failed"
        ? `${what} failed: ${reason}`
        : `${what} goes on`;
  const code =
    record.status === "waiting" ? "round-waiting" : record.state === "failed" ? "round-failed" : "round-resumed";
  return { time: Math.floor(time), code, message: text.slice(0, 4000), round: record.id };
}
