/** The log in the running utility: checkpoints are shown to witnesses and published, receipts made with them. */
import type { Config } from "../../config/index.ts";
import type { Party } from "../../config/keys/index.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { LogPolicy } from "../../protocol/log/index.ts";
import { rawPublicKey } from "../../protocol/keys/index.ts";
import type { Alert } from "../../protocol/messages/public.ts";
import { topicOf } from "../../protocol/topics.ts";
import type { UtilityDatabase } from "../store/open.ts";
import { getMeta, putMeta } from "../store/rounds-store.ts";
import { Checkpoints } from "./checkpoints.ts";
import { customerBills } from "../bills/customer-bill.ts";
import { billEntry, keyEntry } from "./entries.ts";
import { type Ledger, readHead } from "./ledger.ts";
import { Receipts } from "./receipts.ts";
import { publishedCheckpoint, WitnessCourier } from "./witness-courier.ts";

export interface LogOptions {
  readonly db: UtilityDatabase;
  readonly ledger: Ledger;
  readonly policy: LogPolicy;
  readonly config: Pick<Config, "log">;
  /** Unix seconds. */
  readonly time: () => number;
  /** Rejects while there is no connection. */
  readonly publish: (topic: string, payload: string) => Promise<void>;
  readonly connected: () => boolean;
  /** More bills may be sent. */
  readonly believed: () => void;
  readonly log: Pick<Logger, "warn" | "error">;
}

export class LogDesk {
  readonly receipts: Receipts;
  readonly #options: LogOptions;
  readonly #checkpoints: Checkpoints;
  readonly #witnesses: WitnessCourier;
  /** What was said last of each witness, so that it is said once. */
  readonly #said = new Set<string>();
  #running: Promise<void> | undefined;

  constructor(options: LogOptions) {
    const { db, policy, config } = options;
    this.#options = options;
    this.#checkpoints = new Checkpoints(db, policy);
    this.receipts = new Receipts(db, this.#checkpoints);
    this.#witnesses = new WitnessCourier({
      ...{ db, checkpoints: this.#checkpoints, witnesses: config.log.witnesses },
      timeoutSeconds: config.log.witnessSeconds,
      alarm: (code, message) => this.#alarm(code, message),
    });
  }

  /** Shows the head to the witnesses and publishes it. Calls that overlap are joined. */
  flush(): Promise<void> {
    this.#running ??= this.#flush().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #flush(): Promise<void> {
    const { db, time, publish, connected, believed } = this.#options;
    await this.#witnesses.show();
    const best = await this.#checkpoints.believed();
    if (best === undefined || !connected()) return;
    const { published } = await db
      .selectFrom("ledger_checkpoints")
      .select("published")
      .where("size", "=", best.size)
      .executeTakeFirstOrThrow();
    if (published === 1) return;
    try {
      await publish(topicOf("logCheckpoint", {}), publishedCheckpoint(best, time()));
    } catch {
      return; // the next flush tries again
    }
    await db.updateTable("ledger_checkpoints").set({ published: 1 }).where("size", "=", best.size).execute();
    believed();
  }

  #alarm(code: string, message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    const { log, publish, time } = this.#options;
    if (code === "witness-silent") log.warn({ code }, message);
    else log.error({ code }, message);
    const alert: Alert = { time: Math.floor(time()), code, message: message.slice(0, 4_000) };
    publish(topicOf("alert", { topic: "log" }), JSON.stringify(alert)).catch(() => {});
  }
}

/** Logs the servers' keys and those for ciphertexts when they are not the ones that were logged last. */
export async function logKeys(
  db: UtilityDatabase,
  ledger: Ledger,
  { directory, ckks }: Pick<Party, "directory" | "ckks">,
  time: number,
): Promise<void> {
  const entries = [...directory.servers].flatMap(([id, { signKey, sealKey }]) => [
    ...(signKey === undefined ? [] : [keyEntry(id, "signing", rawPublicKey(signKey))]),
    ...(sealKey === undefined ? [] : [keyEntry(id, "sealing", sealKey)]),
  ]);
  for (const { epoch, sets } of ckks?.epochs ?? []) {
    for (const [name, { digests }] of sets)
      entries.push(keyEntry(`${name} ${epoch}`, "ciphertexts", digests.publicKey));
  }
  const known = new Set((await getMeta(db, LOGGED_KEYS))?.split("\n") ?? []);
  const fresh = entries.filter((entry) => !known.has(nameOf(entry)));
  if (fresh.length === 0) return;
  await db.transaction().execute(async (transaction) => {
    await ledger.append(transaction, time, fresh);
    await putMeta(transaction, LOGGED_KEYS, entries.map(nameOf).join("\n"));
  });
}

const LOGGED_KEYS = "logged_keys";

function nameOf({ entry }: ReturnType<typeof keyEntry>): string {
  return entry.type === "key" ? `${entry.id} ${entry.use} ${Buffer.from(entry.fingerprint).toString("hex")}` : "";
}

/** Final bills that are older than the log are its first entries: from then on they cannot be changed either. */
export async function logEarlierBills(
  db: UtilityDatabase,
  ledger: Ledger,
  slotSeconds: number,
  time: number,
): Promise<void> {
  if ((await readHead(db)).size > 0) return;
  await db.transaction().execute(async (transaction) => {
    const bills = await transaction
      .selectFrom("bills")
      .selectAll()
      .where("status", "=", "final")
      .orderBy("period_start")
      .orderBy("meter_id")
      .execute();
    const texts = await customerBills(transaction, bills, slotSeconds);
    const entries = bills.map((bill, i) => billEntry(bill, JSON.stringify(texts[i])));
    await ledger.append(transaction, time, entries);
  });
}
