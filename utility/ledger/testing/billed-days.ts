/** A utility that has billed two days and can correct the first, with the log that it wrote. */
import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import { NO_READINGS } from "../../../billing/readings-file.ts";
import { parseTariffYaml } from "../../../billing/tariffs/index.ts";
import type { LogPolicy } from "../../../protocol/log/index.ts";
import { correctBills } from "../../bills/correct.ts";
import { DAY, Harness, TARIFF, valueOf } from "../../testing/harness.ts";

/** Two days, in which two meters were late with eight slots of the first; then a correction of the first. */
export async function billedDays(t: TestContext) {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  const isLate = (meter: string, slot: number): boolean => meter < "m-003" && slot >= DAY + 34 && slot < DAY + 42;
  const isMissing = (meter: string, slot: number): boolean => meter === "m-004" && slot === DAY + 5;
  harness.fillDay(DAY, (meter, slot) => isLate(meter, slot) || isMissing(meter, slot));
  harness.setSlot(DAY + 98);
  await harness.run(3);
  harness.fillDay(DAY, isMissing);
  harness.fillDay(DAY + 96);
  harness.setSlot(DAY + 96 + 98);
  await harness.run(3);
  const { db, ledger } = harness.utility;
  const policy: LogPolicy = { log: ledger.key, witnesses: [], quorum: 0 };
  const readingsOf = (meter: string) => {
    const m = harness.meters.indexOf(meter);
    const slots = Array.from({ length: 192 }, (_, i) => DAY + i).filter((slot) => !isMissing(meter, slot));
    return { ...NO_READINGS, import: new Map(slots.map((slot) => [slot, BigInt(valueOf(m, slot))])) };
  };
  const verify = (): Promise<string[]> => harness.findings();
  const correct = async (): Promise<void> => {
    const yaml = TARIFF.replace("400000", "300000");
    const id = createHash("sha256").update(yaml).digest("hex").slice(0, 32);
    const tariff = { id, file: "new.yaml", yaml, tariff: parseTariffYaml(yaml) };
    await correctBills(harness.utility, { tariff, period: "2025-01-15", now: harness.clock.now() });
  };
  return { harness, db, policy, readingsOf, verify, correct };
}
