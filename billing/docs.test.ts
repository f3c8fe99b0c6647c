/** The examples of the tariff guide: the file loads, and the bill is the one printed there. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { parseTariffYaml } from "./tariffs/load.ts";
import { localDate } from "./tariffs/local-time.ts";
import { RESERVED_ROWS } from "./tariffs/schema.ts";
import { versionAt } from "./tariffs/tariff.ts";
import { invoice } from "./invoice.ts";
import { june } from "./testing/bills.ts";

const guide = await readFile(new URL("../docs/tariffs.md", import.meta.url), "utf8");

function exampleTariff() {
  const yaml = /<!-- example: household -->\n```yaml\n([\s\S]*?)```/.exec(guide)?.[1];
  assert.ok(yaml !== undefined, "the guide has an example tariff");
  return parseTariffYaml(yaml, "docs/tariffs.md");
}

test("the guide's example tariff loads with its two versions", () => {
  const tariff = exampleTariff();
  assert.deepEqual(
    tariff.versions.map((version) => [version.from, version.to]),
    [
      ["2024-01-01", "2025-04-01"],
      ["2025-04-01", undefined],
    ],
  );
  const bands = versionAt(tariff, localDate("2025-06-01")).bands;
  assert.deepEqual(
    bands.map((band) => band.name),
    ["night", "day", "peak"],
  );
});

test("the guide's bill is the one the example tariff gives", () => {
  const energies = { night: 100_008n, day: 160_000n, peak: 40_333n };
  const bill = invoice(exampleTariff(), june(energies, { exportWh: 12_345n }));
  const section = guide.slice(guide.indexOf("<!-- example: bill -->"), guide.indexOf("## Corrections"));
  const printed = [...section.matchAll(/^\| ([a-z-]+) \| (\d+) \| (-?\d+) \|$/gm)].map((row) => row.slice(1));
  assert.deepEqual(
    printed,
    bill.rows.map((row) => [row.band, String(row.energyWh), String(row.amountMicro)]),
  );
  const amount = `${bill.amountMicro / 1_000_000n}.${String(bill.amountMicro % 1_000_000n).padStart(6, "0")}`;
  assert.ok(section.includes(`The bill: 300,341 Wh, ${amount} EUR.`), amount);
  assert.equal(bill.energyWh, 300_341n);
});

test("the guide names every reserved row", () => {
  for (const row of RESERVED_ROWS) assert.ok(guide.includes(`\`${row}\``), row);
});
