/**
 * Feeders with a meter at their head: every balance is what was fed, a bypass raises an alert for its feeder within a
 * day, the honest feeder stays quiet, and bills and loads are what they are without heads.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import mqtt from "mqtt";
import { openFeedWithHeads } from "../../firmware-sim/fleet/feed.ts";
import { alert as alertSchema } from "../../protocol/messages/public.ts";
import { FleetBed } from "./testing/bed.ts";

const SETTINGS = {
  "simulation.days": 3,
  "simulation.heads": true,
  "simulation.theft": "bypass:m-001:0.9@1.5",
  "balance.learnDays": 1,
  "balance.graceSlots": 2,
  // Homes prove their readings in balances as in loads; what a head measures is no home's, and shared as a whole.
  "sharing.bits": { import: 20, export: 20, catchup: 30, catchupExport: 30 },
};

interface BalanceRow {
  readonly feeder_id: string;
  readonly slot_start: number;
  readonly balance_wh: number;
}

test("a bypass is found at the head of its feeder; nothing else changes", async (t) => {
  const bed = await FleetBed.create(t, { set: SETTINGS });
  await bed.fleet.start();
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${bed.fleet.ports.public}`);
  t.after(() => client.end(true));
  const published: unknown[] = [];
  client.on("message", (_topic, payload) => published.push(JSON.parse(payload.toString())));
  await client.subscribeAsync("wv/1/pub/alert/balance");
  await bed.fleet.run();
  const outcome = await bed.outcome();
  assert.deepEqual(outcome.differences, []);
  assert.equal(outcome.complete && outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome));
  // Heads get no bills.
  assert.equal(outcome.billsFinal, 30);

  const database = new Database(join(bed.data, "utility", "utility.db"), { readonly: true });
  const rows = database
    .prepare<[], BalanceRow>("SELECT feeder_id, slot_start, balance_wh FROM feeder_balances WHERE status = 'final'")
    .all();
  const unproved = database
    .prepare("SELECT id, purpose, unproved_meters FROM rounds WHERE content IS NOT NULL AND unproved_meters IS NOT 0")
    .all();
  database.close();
  assert.deepEqual(unproved, []);
  const { source, feed, range, heads } = bed.plan;
  const slots = range.to - range.from;
  assert.ok(rows.length >= 2 * slots - 8, `${rows.length} of ${2 * slots} balances`);
  const all = await openFeedWithHeads(feed);
  for (const { feeder_id: feeder, slot_start, balance_wh: balance } of rows) {
    const slot = slot_start / source.slotSeconds;
    const net = (index: number): number => {
      const energy = all.read(index, slot);
      return (energy?.importWh ?? 0) - (energy?.exportWh ?? 0);
    };
    const head = source.meters.length + heads.findIndex((place) => place.feeder === feeder);
    const homes = [...source.meters.keys()].filter((index) => source.feederOf(index, slot) === feeder);
    assert.equal(balance, net(head) - homes.reduce((sum, index) => sum + net(index), 0), `${feeder} ${slot_start}`);
  }

  const alerts = outcome.balances?.alerts ?? [];
  assert.deepEqual([...new Set(alerts.map(({ feeder }) => feeder))], ["f-1"], JSON.stringify(alerts));
  const begun = (range.from + 1.5 * 24) * source.slotSeconds;
  assert.ok(
    alerts.every(({ since }) => since >= begun - 6 * 3_600),
    JSON.stringify(alerts),
  );
  assert.ok((alerts[0]?.detectedAt ?? Infinity) <= begun + 86_400, JSON.stringify(alerts));
  while (published.length < alerts.length) await new Promise((wake) => client.once("message", wake));
  for (const message of published) {
    const { feederId, code } = alertSchema.parse(message);
    assert.equal(feederId, "f-1");
    assert.match(code, /^balance-(imbalance|drift|jump)$/);
    assert.equal(JSON.stringify(message).includes("m-001"), false);
  }
});
