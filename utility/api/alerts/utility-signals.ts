/**
 * Signals from the utility's database: loads, rounds, balances, lies and the privacy account. Counts and feeders only: which
 * meter is missing is nobody's business here.
 */
import { decodeCbor } from "../../../protocol/cbor.ts";
import { decodeEntry } from "../../../protocol/log/index.ts";
import type { Question } from "../../../protocol/messages/round.ts";
import type { UtilityDatabase } from "../../store/open.ts";
import type { Observations, Reading, SignalName } from "./signals.ts";

const DAY = 86_400;

export interface LookOptions {
  readonly db: UtilityDatabase;
  /** What the system goes by: simulated in a simulation. Unix seconds. */
  readonly time: number;
  readonly slotSeconds: number;
}

/** Remembers how far it has read the log, which only grows. */
export class UtilityLook {
  #read = -1;
  #spent = new Map<string, Reading>();

  async observe({ db, time, slotSeconds }: LookOptions): Promise<Observations[]> {
    if (time <= 0) return []; // before the first tick of a simulation
    const observed = (signal: SignalName, values: Map<string, Reading>, others?: number): Observations => ({
      ...{ signal, at: time, values },
      ...(others === undefined ? {} : { others }),
    });
    const [age, missing, residual] = [
      new Map<string, Reading>(),
      new Map<string, Reading>(),
      new Map<string, Reading>(),
    ];
    for (const { feeder_id: id } of await db.selectFrom("feeders").select("feeder_id").execute()) {
      const put = (values: Map<string, Reading>, reading: Reading | undefined): void => {
        if (reading !== undefined) values.set(`feeder:${id}`, reading);
      };
      put(age, ageOf(await newestLoad(db, id, true), time - slotSeconds));
      put(missing, missingOf(await newestLoad(db, id, false)));
      put(residual, await residualOf(db, id));
    }
    return [
      observed("load-age", age),
      observed("missing-meters", missing),
      observed("balance-residual", residual),
      observed("balance-detections", await detected(db, time - DAY), 0),
      observed("aggregator-lies", await lies(db, time - DAY), 0),
      observed("failed-rounds", await failures(db, time - DAY), 0),
      observed("privacy-spent", await this.#privacy(db)),
    ];
  }

  /** Of the newest entry of the budget, looked for in what the log has gained since the last look. */
  async #privacy(db: UtilityDatabase): Promise<Map<string, Reading>> {
    const gained = await db
      .selectFrom("ledger_entries")
      .select((eb) => [
        eb.fn.max<number | null>("idx").as("last"),
        eb.fn.max<number | null>("idx").filterWhere("type", "=", "budget").as("budget"),
      ])
      .where("idx", ">", this.#read)
      .executeTakeFirstOrThrow();
    this.#read = gained.last ?? this.#read;
    if (gained.budget === null) return this.#spent;
    const row = await db
      .selectFrom("ledger_entries")
      .select("entry")
      .where("idx", "=", gained.budget)
      .executeTakeFirstOrThrow();
    const { content } = decodeEntry(row.entry);
    if (content.type === "budget") {
      const { account, epsilonMilli, deltaExponent } = content;
      const detail = `at delta 1e-${deltaExponent}`;
      this.#spent = new Map([[`account:${account}`, { value: epsilonMilli / 1_000, detail }]]);
    }
    return this.#spent;
  }
}

interface NewestLoad {
  readonly slot_start: number;
  readonly meters: number;
  readonly question: Uint8Array | null;
}

/** The newest load that was asked for, with its round's question; `released`: of those with a total. */
async function newestLoad(db: UtilityDatabase, feeder: string, released: boolean): Promise<NewestLoad | undefined> {
  let loads = db
    .selectFrom("feeder_loads")
    .leftJoin("rounds", "rounds.id", "feeder_loads.round_id")
    .select(["slot_start", "meters", "question"])
    .where("feeder_loads.feeder_id", "=", feeder);
  if (released) loads = loads.where("feeder_loads.status", "=", "final");
  return loads.orderBy("slot_start", "desc").limit(1).executeTakeFirst();
}

/** Seconds from the end of the newest released slot to the end of one that begins at `latest`. */
function ageOf(load: NewestLoad | undefined, latest: number): Reading | undefined {
  return load && { value: Math.max(0, latest - load.slot_start) };
}

/** Of the newest load that was asked for, released or not. */
function missingOf(load: NewestLoad | undefined): Reading | undefined {
  if (load === undefined || load.question === null) return undefined;
  // The utility's own encoding.
  const asked = (decodeCbor(load.question) as Question).meters.length;
  return { value: Math.max(0, asked - load.meters), detail: `of ${asked}` };
}

async function residualOf(db: UtilityDatabase, feeder: string): Promise<Reading | undefined> {
  const row = await db
    .selectFrom("feeder_balances")
    .select(["residual_wh", "import_wh"])
    .where("feeder_id", "=", feeder)
    .where("residual_wh", "is not", null)
    .orderBy("slot_start", "desc")
    .limit(1)
    .executeTakeFirst();
  const { residual_wh: residual, import_wh: load } = row ?? { residual_wh: null, import_wh: null };
  if (residual === null || load === null || load <= 0) return undefined;
  return { value: (100 * residual) / load, detail: `${Math.round(residual)} Wh in a slot` };
}

async function detected(db: UtilityDatabase, after: number): Promise<Map<string, Reading>> {
  const rows = await db
    .selectFrom("balance_alerts")
    .select(["feeder_id", "kind", "since"])
    .where("detected_at", ">", after)
    .orderBy("detected_at")
    .execute();
  return counted(rows, (row) => [
    `feeder:${row.feeder_id}`,
    `${row.kind} since ${new Date(row.since * 1_000).toISOString()}`,
  ]);
}

async function lies(db: UtilityDatabase, after: number): Promise<Map<string, Reading>> {
  const rows = await db
    .selectFrom("detections")
    .select(["aggregator", "code"])
    .where("verdict", "=", "liar")
    .where("detected_at", ">", after)
    .orderBy("detected_at")
    .execute();
  return counted(rows, (row) => [`aggregator:${row.aggregator}`, row.code]);
}

async function failures(db: UtilityDatabase, after: number): Promise<Map<string, Reading>> {
  const rows = await db
    .selectFrom("rounds")
    .select(["feeder_id", "status"])
    .where("state", "=", "failed")
    .where("opened_at", ">", after)
    .orderBy("opened_at")
    .execute();
  return counted(rows, (row) => [`feeder:${row.feeder_id}`, row.status]);
}

/** How many rows each element has, and what the last one says. */
function counted<R>(
  rows: readonly R[],
  of: (row: R) => readonly [element: string, detail: string],
): Map<string, Reading> {
  const values = new Map<string, Reading>();
  for (const row of rows) {
    const [element, detail] = of(row);
    values.set(element, { value: (values.get(element)?.value ?? 0) + 1, detail });
  }
  return values;
}
