/**
 * What is computed on ciphertexts and opened by aggregators, with real processes over MQTT: beside shares and truth,
 * with aggregators away, with processes killed, and with a meter or an aggregator that lies on one of the two paths.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Outcome } from "../../firmware-sim/fleet/outcome.ts";
import { FleetBed } from "./testing/bed.ts";
import { checks, jobs, results, storedCiphertexts } from "./testing/opened-rows.ts";

/** Sums of feeders alone: quick. */
const SUMS = {
  "homomorphic.enabled": true,
  "homomorphic.sets": ["light"],
  "homomorphic.series": { load: { kind: "import", set: "light", content: "energy" } },
  "homomorphic.resendSeconds": 0.5,
  "analytics.retrySeconds": 0.5,
  "analytics.jobs": [{ circuit: "sum", group: "feeders", series: "load" }],
};
const IMPATIENT = { "simulation.patienceSeconds": 2, "rounds.answerSeconds": 0.5 };

function assertExact(outcome: Outcome, due: number): void {
  assert.equal(outcome.complete && outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome));
  const { opened } = outcome;
  assert.equal(opened?.openings, due, JSON.stringify(opened));
  assert.deepEqual(opened.missing, []);
  assert.ok(opened.compared.length >= due);
  assert.ok(
    opened.compared.every(({ withinBound }) => withinBound),
    JSON.stringify(opened.compared),
  );
}

describe("ciphertexts", { concurrency: 2 }, () => {
  test("one of three aggregators never starts: the other two open every result", async (t) => {
    const bed = await FleetBed.create(t, { set: { ...SUMS, ...IMPATIENT }, fleet: { withoutAggregators: [2] } });
    await bed.fleet.start();
    await bed.fleet.run();
    assertExact(await bed.outcome(), 2);
    for (const { opened_by, inputs } of results(bed.data))
      assert.deepEqual({ opened_by, inputs }, { opened_by: "1,3", inputs: 5 });
    assert.deepEqual(
      checks(bed.data).map(({ status, spare_answers }) => ({ status, spare_answers })),
      [
        { status: "agree", spare_answers: 0 },
        { status: "agree", spare_answers: 0 },
      ],
    );
  });

  test("two of three leave once the loads are released: openings wait and say so, and finish when one returns", async (t) => {
    const set = { ...SUMS, ...IMPATIENT, "analytics.answerSeconds": 1 };
    const bed = await FleetBed.create(t, { set });
    const { supervisor } = bed.fleet;
    await bed.fleet.start();
    // No result before all loads are out.
    await supervisor.stop("analytics");
    await bed.fleet.run();
    const loads = await bed.outcome({ patienceSeconds: 6 });
    assert.equal(loads.complete && loads.loadsExact, true, JSON.stringify(loads));
    assert.equal(loads.opened?.openings, 0);
    await supervisor.stop("a-1");
    await supervisor.stop("a-3");
    await supervisor.startAgain("analytics");
    // Meters have backed off meanwhile: they try again after some seconds.
    const waiting = await bed.outcome({ patienceSeconds: 25 });
    assert.equal(waiting.opened?.openings, 0);
    assert.equal(waiting.opened.complete, false);
    assert.match(waiting.opened.missing.join("\n"), /sum of f-1, 2025-01-15: asking: 1 aggregators answered, 2 must/);
    assert.deepEqual(results(bed.data), []);

    await supervisor.startAgain("a-3");
    assertExact(await bed.outcome(), 2);
    for (const { opened_by } of results(bed.data)) assert.equal(opened_by, "2,3");
  });

  test("kill -9 during ingest, during jobs and during openings: nothing is lost or counted twice", async (t) => {
    const kills: string[] = [];
    const bed = await FleetBed.create(t, {
      set: {
        ...SUMS,
        "simulation.days": 2,
        "analytics.jobs": [
          { circuit: "sum", group: "feeders", series: "load" },
          { circuit: "mean", group: "fleet", series: "load" },
        ],
        "homomorphic.bytesPerSecond": 40_000,
      },
    });
    const { supervisor } = bed.fleet;
    const kill = (name: string, when: string): void => {
      if (!kills.includes(`${name} ${when}`) && supervisor.kill(name)) kills.push(`${name} ${when}`);
    };
    await bed.fleet.start();
    const watch = setInterval(() => {
      if (!existsSync(join(bed.data, "analytics", "analytics.db"))) return;
      const stored = storedCiphertexts(bed.data);
      if (stored > 0 && stored < 20) {
        kill("analytics", "ingesting");
        kill("meters", "sending");
      }
      const states = jobs(bed.data).map(({ state }) => state);
      if (states.some((state) => state === "computing" || state === "asking")) kill("analytics", "at a job");
      if (states.includes("opening")) for (const name of ["a-1", "utility"]) kill(name, "opening");
    }, 20);
    t.after(() => clearInterval(watch));
    await bed.fleet.run();
    const outcome = await bed.outcome();
    clearInterval(watch);
    assert.deepEqual(
      [...kills].sort(),
      ["a-1 opening", "analytics at a job", "analytics ingesting", "meters sending", "utility opening"],
      "each was killed once",
    );
    assertExact(outcome, 6);
    assert.equal(outcome.opened?.crossCheck.agree, 6);
    await bed.fleet.stop();
    assert.equal(storedCiphertexts(bed.data), 20);
    assert.equal(jobs(bed.data).length, 6);
    const opened = results(bed.data);
    assert.equal(opened.length, 6);
    assert.deepEqual(
      opened.map(({ inputs, feeders }) => inputs === 5 * feeders.split(",").length),
      opened.map(() => true),
    );
  });

  test("a meter that encrypts other readings than it shares is noticed, and the meters are named as the cause", async (t) => {
    const bed = await FleetBed.create(t, {
      set: SUMS,
      fleet: { entryOf: (name) => (name === "meters" ? "tests/fleet/testing/lying-meter-host.ts" : undefined) },
    });
    await bed.fleet.start();
    await bed.fleet.run();
    const outcome = await bed.outcome();
    assert.equal(outcome.billsExact && outcome.loadsExact, true, "shares are right");
    const verdicts = checks(bed.data);
    assert.deepEqual(
      verdicts.map(({ feeders, status }) => [feeders, status]),
      [
        ["f-1", "meters"],
        ["f-2", "agree"],
      ],
    );
    assert.ok(Math.abs(Number(verdicts[0]?.largest_difference) - 500) < 1);
    assert.equal(outcome.opened?.crossCheck.differ, 1);
    assert.match(outcome.opened.crossCheck.verdicts.join("\n"), /sum of f-1: meters: spare answers confirm the load/);
    assert.deepEqual(
      outcome.opened.compared.map(({ label, withinBound }) => [label, withinBound]),
      [
        ["f-1", false],
        ["f-2", true],
      ],
    );
  });

  test("an aggregator whose parts of openings are wrong is noticed: the ciphertexts are said to be wrong", async (t) => {
    const bed = await FleetBed.create(t, {
      set: { ...SUMS, ...IMPATIENT },
      fleet: {
        withoutAggregators: [3],
        entryOf: (name) => (name === "a-1" ? "tests/fleet/testing/lying-part-aggregator.ts" : undefined),
      },
    });
    await bed.fleet.start();
    await bed.fleet.run();
    const outcome = await bed.outcome();
    assert.equal(outcome.billsExact && outcome.loadsExact, true, "shares are right");
    assert.equal(outcome.opened?.openings, 0);
    assert.match(
      outcome.opened.missing.join("\n"),
      /sum of f-1, 2025-01-15: inconsistent: .*the ciphertext path is wrong/,
    );
    assert.deepEqual(
      checks(bed.data).map(({ status }) => status),
      ["ciphertexts", "ciphertexts"],
    );
    for (const { status } of results(bed.data)) assert.equal(status, "inconsistent");
  });

  test("an aggregator whose sums of shares are wrong is noticed: the shares are said to be wrong", async (t) => {
    const bed = await FleetBed.create(t, {
      set: SUMS,
      fleet: { entryOf: (name) => (name === "a-2" ? "tests/fleet/testing/lying-sum-aggregator.ts" : undefined) },
    });
    await bed.fleet.start();
    await bed.fleet.run();
    const outcome = await bed.outcome();
    assert.equal(outcome.loadsExact, false);
    assert.equal(outcome.opened?.openings, 2, JSON.stringify(outcome.opened));
    assert.ok(outcome.opened.compared.every(({ withinBound }) => withinBound));
    for (const { status, reason } of checks(bed.data)) {
      assert.equal(status, "shares");
      assert.match(reason, /what the ciphertexts opened to is consistent/);
    }
  });
});
