/** From what the API hears and reads to alerts, with the rules as they are shipped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCbor } from "../../../protocol/cbor.ts";
import { encodeEntry } from "../../../protocol/log/index.ts";
import { emptyState } from "../testing/grid-state.ts";
import { type ApiBed, apiBed, NOW } from "../testing/api-bed.ts";
import { AlertWatch } from "./watch.ts";

const SLOT = 900;
const DATA = 1_736_899_200;

interface WatchBed extends ApiBed {
  readonly watch: AlertWatch;
  readonly at: (time: number) => void;
  readonly alerts: (state?: string) => string[];
  readonly hear: (topic: string, message: object) => void;
}

async function watchBed(t: Parameters<typeof apiBed>[0]): Promise<WatchBed> {
  const bed = await apiBed(t);
  const { live, utility, alerts: engine } = bed.context;
  let time = DATA;
  const names = {
    digest: "d",
    buses: [{ id: 1 }, { id: 7 }],
    branches: [{ id: 3 }, { id: 9 }],
  } as NonNullable<ReturnType<ConstructorParameters<typeof AlertWatch>[0]["namesOf"]>>;
  const watch = new AlertWatch({
    ...{ engine, live, utility, now: bed.context.now, time: () => time, slotSeconds: SLOT, epsilonBudget: 8 },
    namesOf: (digest) => (digest === "d" ? names : undefined),
  });
  t.after(() => watch.stop());
  live.connected = true;
  return {
    ...bed,
    watch,
    at: (now) => {
      time = now;
    },
    alerts: (state = "firing") =>
      engine.store
        .list({ limit: 100 }, bed.context.now())
        .filter((one) => one.state === state)
        .map(({ rule, text }) => `${rule}: ${text}`)
        .toSorted(),
    hear: (topic, message) => live.message(topic, Buffer.from(JSON.stringify(message))),
  };
}

test("a state of the grid: columns by their names, findings by their elements, and its age", async (t) => {
  const { hear, alerts, watch, pass } = await watchBed(t);
  const finding = { kind: "dead-sensor", element: "demand:7", since: DATA, scans: 1, value: 0, limit: 2.5, unit: "MW" };
  const state = emptyState({
    topology: "d",
    time: DATA,
    publishedAt: NOW,
    buses: { vmPu: [1, 0.93], count: 2 },
    branches: { loadingPercent: [104, 30], temperatureC: [60, 97], count: 2 },
    findings: [finding],
  });
  hear("wv/1/pub/grid/state", state);
  assert.deepEqual(alerts(), [
    "dead-sensor: sensor demand:7 is dead: 0 MW, limit 2.5",
    "hot: branch 9 is at 97 degC",
    "low-voltage: bus 7 has 0.93 p.u.",
    "overheated: branch 9 is at 97 degC",
    "overload: branch 3 carries 104 % of its rating",
  ]);
  hear("wv/1/pub/grid/state", { ...state, topology: "another", time: DATA + 900, findings: [] });
  assert.deepEqual(alerts("resolved"), ["dead-sensor: sensor demand:7 is dead: 0 MW, limit 2.5"]);
  assert.equal(alerts().length, 4, "without names nothing is known of columns");
  hear("wv/1/pub/grid/state", { ...state, status: "failed", time: DATA + 1_800, findings: [] });
  assert.equal(alerts().length, 4, "columns of a state that failed are not believed");
  pass(121);
  await watch.look();
  assert.ok(alerts().includes("grid-stale: no scan of the grid for 121 s"));
  hear("wv/1/pub/grid/state", { ...state, publishedAt: NOW + 121 });
  await watch.look();
  assert.ok(!alerts().includes("grid-stale: no scan of the grid for 121 s"));
});

test("the utility's database: stale and lacking loads, balances, liars, failed rounds, the privacy account", async (t) => {
  const { db, watch, alerts, at } = await watchBed(t);
  await watch.look();
  assert.deepEqual(alerts(), []);
  const feeder = { feeder_id: "f-1", load_to: 10, swept_to: 0, billed_to: 0 };
  await db.insertInto("feeders").values(feeder).execute();
  const question = { meters: Array.from({ length: 12 }, (_, i) => `m-${i}`) };
  const round = { id: "r-1", purpose: "load", feeder_id: "f-1", range_start: DATA, range_end: DATA + SLOT, reason: "" };
  const rest = { sets: 1, opened_at: DATA, evidence: null, set_id: null, content: null, excluded: "[]", tested: null };
  const counts = { untested_meters: null, proved_meters: null, unproved_meters: null };
  const bytes = { question: encodeCbor(question), endorsements: encodeCbor([]), held: encodeCbor([]) };
  const row = { ...round, ...rest, ...counts, ...bytes, state: "finished", status: "final" };
  const failed = { ...row, state: "failed", status: "too-few-answers" };
  await db
    .insertInto("rounds")
    .values([row, ...[2, 3, 4].map((i) => ({ ...failed, id: `r-${i}` }))])
    .execute();
  const load = { feeder_id: "f-1", slot_start: DATA, energy_wh: 900, export_wh: null, meters: 10, status: "final" };
  await db
    .insertInto("feeder_loads")
    .values({ ...load, spare_answers: 1, round_id: "r-1" })
    .execute();
  const detection = {
    round_id: "r-1",
    aggregator: 2,
    code: "wrong-sums",
    verdict: "liar",
    detail: "",
    detected_at: DATA,
  };
  await db
    .insertInto("detections")
    .values({ ...detection, answers: encodeCbor([]) })
    .execute();
  await db
    .insertInto("balance_alerts")
    .values({ feeder_id: "f-1", kind: "imbalance", since: DATA, detected_at: DATA, size_w: 400 })
    .execute();
  const budget = { type: "budget", account: "learning", epsilonMilli: 6_500, deltaExponent: 5 } as const;
  await db
    .insertInto("ledger_entries")
    .values({ idx: 0, type: "budget", entry: encodeEntry(DATA, budget) })
    .execute();
  const balance = { feeder_id: "f-1", balance_wh: 300, import_wh: 1_000, export_wh: 0, loss_wh: 50, status: "final" };
  const balances = { ...balance, slot_start: DATA, residual_wh: 250, spare_answers: 1, round_id: "r-1" };
  await db.insertInto("feeder_balances").values(balances).execute();
  at(DATA + SLOT + 14_401);
  await watch.look();
  const fired = [
    "balance-detector: feeder f-1: the balance of energy is broken: imbalance since 2025-01-15T00:00:00.000Z",
    "liar: aggregator 2 gave an answer that is proved wrong (wrong-sums)",
    "load-stale: feeder f-1 has no new load for 14401 s",
    "privacy-budget: account learning has spent 81.25 % of its budget: epsilon 6.5 of 8 at delta 1e-5",
    "rounds-fail: feeder f-1: 3 rounds without a total within a day (too-few-answers)",
  ];
  assert.deepEqual(alerts(), fired);
  assert.deepEqual(alerts("pending"), [
    "energy-balance: feeder f-1: 25 % of what flows is neither metered nor lost, for a day",
    "missing-meters: 2 meters of 12 are missing at feeder f-1",
  ]);
  await db
    .insertInto("ledger_entries")
    .values([
      { idx: 1, type: "budget", entry: encodeEntry(DATA, { ...budget, epsilonMilli: 7_000 }) },
      { idx: 2, type: "budget", entry: encodeEntry(DATA, { ...budget, epsilonMilli: 7_500 }) },
    ])
    .execute();
  // The newest counts, and goes on counting when the log has gained nothing.
  for (let i = 0; i < 2; i++) {
    await watch.look();
    assert.ok(
      alerts().some((text) => text.startsWith("privacy-budget: account learning has spent 93.75 % of its budget")),
    );
  }
  at(DATA + SLOT + 86_400 * 2);
  await watch.look();
  assert.deepEqual(
    alerts("resolved").map((text) => text.split(":")[0]),
    ["balance-detector", "liar", "rounds-fail"],
    "a day later",
  );
  for (const rule of ["energy-balance", "missing-meters"]) {
    assert.ok(
      alerts().some((text) => text.startsWith(rule)),
      rule,
    );
  }
});

test("what the utility says aloud is an alert for a day, also across a restart; our own echo is not", async (t) => {
  const { hear, alerts, watch, pass, context } = await watchBed(t);
  hear("wv/1/pub/alert/log", { time: DATA, code: "witness-silent", message: "witness w-1 is silent" });
  hear("wv/1/pub/alert/balance", { time: DATA, code: "balance-imbalance", message: "feeder f-1", feederId: "f-1" });
  hear("wv/1/pub/alert/log", { nonsense: true });
  const id = "00000000-0000-4000-8000-000000000000";
  hear("wv/1/pub/alert/overload", { time: DATA, code: "overload", message: "ours", id });
  assert.deepEqual(alerts(), ["notice: witness w-1 is silent"]);
  const { engine, ...rest } = { engine: context.alerts, live: context.live, utility: context.utility };
  const again = new AlertWatch({
    ...{ engine, ...rest, now: context.now, time: () => DATA, slotSeconds: SLOT, epsilonBudget: 8 },
    namesOf: () => undefined,
  });
  t.after(() => again.stop());
  await again.look();
  assert.deepEqual(alerts(), ["notice: witness w-1 is silent"]);
  pass(86_401);
  await again.look();
  assert.deepEqual(alerts(), []);
  context.live.connected = false;
  pass(61);
  await watch.look();
  assert.ok(alerts()[0]?.startsWith("broker-away"));
});
