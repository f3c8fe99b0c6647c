/** A kill at any moment: before each single request that a day of rounds sends, the process dies and starts again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY, Harness, valueOf } from "../testing/harness.ts";

/** Runs a day, and kills the utility before its `kill`-th request. Returns how many requests were sent. */
async function runDay(harness: Harness, kill: number): Promise<number> {
  let sent = 0;
  harness.beforeSend = () => {
    sent++;
    if (sent === kill) harness.dead = true;
  };
  harness.setSlot(DAY + 98);
  await harness.run(3);
  if (harness.dead) {
    await harness.restart();
    await harness.run(3);
  }
  return sent;
}

test("killed before any of its requests, the utility goes on: same sets, every total exact, nothing twice", async (t) => {
  const options = { loadEverySlots: 96, meters: 5 };
  const whole = await Harness.make(t, options);
  whole.fillDay();
  const requests = await runDay(whole, 0);
  assert.ok(requests >= 18, `a load and a billing round take at least 18 requests, got ${requests}`);
  for (let kill = 1; kill <= requests; kill++) {
    const harness = await Harness.make(t, options);
    harness.shareCells(whole);
    await runDay(harness, kill);
    const bills = await harness.utility.db.selectFrom("bills").selectAll().orderBy("meter_id").execute();
    const expected = harness.meters.map((_, m) =>
      Array.from({ length: 96 }, (_unused, i) => valueOf(m, DAY + i)).reduce((sum, value) => sum + value, 0),
    );
    assert.deepEqual(
      bills.map(({ energy_wh }) => energy_wh),
      expected,
      `killed before request ${kill}`,
    );
    assert.ok(bills.every(({ version, status }) => version === 1 && status === "final"));
    const loads = await harness.utility.db.selectFrom("feeder_loads").selectAll().execute();
    assert.equal(loads.filter(({ status }) => status === "final").length, 96);
    for (const { endorsedSets } of harness.aggregators) {
      const sets = new Set(endorsedSets.values());
      assert.equal(sets.size, 2, `one load set and one billing set, killed before request ${kill}`);
    }
    assert.deepEqual(
      harness.refused.filter((code) => code !== "refused-not-endorsed"),
      [],
    );
  }
});
