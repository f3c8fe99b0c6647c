import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import Database from "better-sqlite3";
import { enrol } from "../../config/enrolment/index.ts";
import { MIGRATIONS } from "../../hardware/agent/outbox-schema.ts";
import { KINDS } from "../../protocol/units.ts";
import type { ReadingsSource } from "../loads/index.ts";
import { fedOtherwise } from "./fed-otherwise.ts";

const data = mkdtempSync(join(tmpdir(), "wv-fed-otherwise-"));
after(() => rmSync(data, { recursive: true }));

/** Two meters: `m-001` takes 10 Wh in each slot, `m-002` gives 5 back as well. */
const SOURCE: ReadingsSource = {
  meters: ["m-001", "m-002"].map((id) => ({ id, feeder: "f-1" })),
  slotSeconds: 900,
  range: { from: 100, to: 120 },
  read: (index) => ({ importWh: 10, exportWh: index === 0 ? 0 : 5 }),
  feederOf: () => "f-1",
  hasExport: (index) => index === 1,
};

function feed(runs: readonly [meter: string, kind: number, firstSlot: number, readings: readonly number[]][]): void {
  mkdirSync(join(data, "meters"), { recursive: true });
  const outbox = new Database(join(data, "meters", "outbox.db"));
  for (const migration of MIGRATIONS) outbox.exec(migration);
  const names = [...new Set(runs.map(([meter]) => meter))];
  for (const [i, meter] of names.entries())
    outbox.prepare("INSERT INTO meters (number, meter) VALUES (?, ?)").run(i, meter);
  for (const [meter, kind, firstSlot, readings] of runs) {
    const blob = Buffer.alloc(8 * readings.length);
    for (const [i, reading] of readings.entries()) blob.writeDoubleLE(reading, 8 * i);
    outbox.prepare("INSERT INTO runs VALUES (?, ?, ?, ?)").run(names.indexOf(meter), kind, firstSlot, blob);
  }
  outbox.close();
}

test("names what meters fed and a run does not hold, and nothing of what it holds as well", async () => {
  await enrol({ data, meters: ["m-001", "m-002", "m-003"].map((meter) => ({ meter, feeder: "f-1" })) });
  feed([
    ["m-001", KINDS.import, 100, [10, 10, 99]],
    ["m-001", KINDS.import, 110, [99]],
    ["m-002", KINDS.import, 100, [10, 10, 10]],
    ["m-002", KINDS.export, 100, [5, 5, 5]],
    ["m-003", KINDS.import, 101, [7]],
  ]);
  assert.equal(fedOtherwise(data, SOURCE).of("m-003", SOURCE.range), false, "no run of meters is remembered");
  mkdirSync(join(data, "fleet"), { recursive: true });
  const history = { firstSlot: 100, nextSlot: 105, fed: [{ from: 100, to: 105 }] };
  writeFileSync(join(data, "fleet", "meters.json"), JSON.stringify(history));
  const otherwise = fedOtherwise(data, SOURCE);
  const slots = [100, 101, 102, 110].map((slot) => ({ from: slot, to: slot + 1 }));
  const of = (meter: string) => slots.map((range) => otherwise.of(meter, range));
  assert.deepEqual(of("m-001"), [false, false, true, false], "another reading; what a fleet fed is the fleet's");
  assert.deepEqual(of("m-002"), [false, false, false, false]);
  assert.deepEqual(of("m-003"), [false, true, false, false], "a meter that the run does not have");
  assert.deepEqual(
    [100, 101, 102].map((slot) => [...otherwise.feedersAt(slot)]),
    [[], ["f-1"], ["f-1"]],
  );
});
