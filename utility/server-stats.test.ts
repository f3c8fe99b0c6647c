/** What the utility counts of its bills: the final ones, and those that say why they are not. */
import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { parseTariffYaml } from "../billing/tariffs/index.ts";
import { loadConfig } from "../config/index.ts";
import { Refusals } from "../config/runtime/refusals.ts";
import { readStats } from "../config/runtime/role-report.ts";
import { correctBills } from "./bills/correct.ts";
import { ServerStats } from "./server-stats.ts";
import { DAY, Harness, TARIFF } from "./testing/harness.ts";

async function counters(harness: Harness): Promise<Readonly<Record<string, number>>> {
  const data = path.join(harness.folder, "data");
  const results = path.join(harness.folder, "results");
  const config = loadConfig({
    env: {},
    flags: [
      { name: "--data", path: "paths.data", value: data },
      { name: "--set", path: "paths.results", value: results },
    ],
  });
  const refusals = new Refusals({ log: { warn: () => {} }, intervalSeconds: 10 });
  await new ServerStats({ config, measure: () => {} }, harness.utility.db, refusals).write(harness.desk);
  return readStats(data, "utility")!.counters;
}

test("bills that are final and bills that are withheld are counted apart", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  // Of m-003 nothing can be billed: it was there for fewer slots than a bill must cover.
  harness.fillDay(DAY, (meter, slot) => meter === "m-003" && slot >= DAY + 3);
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const { bills, billsWithheld } = await counters(harness);
  assert.deepEqual({ bills, billsWithheld }, { bills: 5, billsWithheld: 1 });
});

test("a version that a correction replaced is neither", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  harness.fillDay();
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const yaml = TARIFF.replace("400000", "300000");
  const id = createHash("sha256").update(yaml).digest("hex");
  const tariff = { id, file: "new.yaml", yaml, tariff: parseTariffYaml(yaml) };
  await correctBills(harness.utility, { tariff, period: "2025-01-15", now: 0 });
  const { bills, billsWithheld } = await counters(harness);
  assert.deepEqual({ bills, billsWithheld }, { bills: 6, billsWithheld: 0 });
});
