/** A fleet that shows its figures: every role is ready, and pages and dashboards name what is really there. */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { JOB_STATES } from "../../analytics/store/job.ts";
import { isFree } from "../../config/runtime/free-port.ts";
import { METRICS_OFFSETS } from "../../config/runtime/role.ts";
import { FleetBed } from "./testing/bed.ts";

const ROOT = join(import.meta.dirname, "../..");
const { aggregator, analytics, broker, utility } = METRICS_OFFSETS;
const OFFSETS = [broker, utility, analytics, ...[1, 2, 3].map((index) => aggregator + index)];
const FIGURE = /^wattveil_figure\{role="(\w+)",name="(\w+)",party="([\w-]+)"\} (\S+)$/gm;
/** Shown only where an engine is attended to, of an aggregator's workers, or while a job is in that state. */
const SOMETIMES = /^(nodes|restarts|workers|parts|desk|jobs_\w+)$/;

async function freeBase(): Promise<number> {
  const base = 20_000 + randomInt(30_000);
  const free = await Promise.all(OFFSETS.map((offset) => isFree(base + offset, "127.0.0.1")));
  return free.every(Boolean) ? base : await freeBase();
}

function namesIn(text: string, pattern: RegExp): Set<string> {
  return new Set([...text.matchAll(pattern)].map(([, name]) => name!));
}

test("every role of a fleet is ready, and its figures are those that pages and dashboards name", async (t) => {
  const base = await freeBase();
  const set = { "metrics.enabled": true, "metrics.basePort": base, "homomorphic.enabled": true };
  const bed = await FleetBed.create(t, { set: { ...set, "logging.level": "debug" } });
  await bed.fleet.start();
  await bed.fleet.run();
  const outcome = await bed.outcome();
  assert.equal(outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome.differences));

  const ask = (offset: number, path: string) => fetch(`http://127.0.0.1:${base + offset}${path}`);
  const ready = await Promise.all(OFFSETS.map(async (offset) => (await ask(offset, "/ready")).text()));
  assert.deepEqual(new Set(ready), new Set(["ready\n"]));
  const texts = await Promise.all(OFFSETS.map(async (offset) => (await ask(offset, "/metrics")).text()));
  const figures = texts.flatMap((text) => [...text.matchAll(FIGURE)]);
  const parties = new Set(figures.map(([, , , party]) => party!));
  assert.deepEqual([...parties].toSorted(), ["a-1", "a-2", "a-3", "analytics", "broker", "utility"]);
  const value = (role: string, name: string) => Number(figures.find(([, r, n]) => r === role && n === name)?.[4]);
  assert.equal(value("utility", "bills"), outcome.billsFinal);
  assert.ok(value("utility", "settledRounds") > 0 && value("broker", "messagesReceived") > 0);
  assert.ok(value("utility", "settledRoundSeconds") > 0);
  // No figure is of a meter.
  for (const { id } of bed.plan.source.meters) for (const text of texts) assert.ok(!text.includes(id), id);

  const shown = new Set(figures.map(([, , name]) => name!));
  const page = readFileSync(join(ROOT, "docs/metrics.md"), "utf8");
  const rows = page.split("\n").filter((line) => /^\| (broker|aggregator|utility|analytics|all) \|/.test(line));
  const documented = namesIn(rows.map((row) => row.split("|")[2]!).join(" "), /`(\w+)`/g);
  const states = new Set(JOB_STATES.map((state) => `jobs_${state}`));
  assert.deepEqual(new Set([...documented].filter((name) => name.startsWith("jobs_"))), states);
  const unsure = (name: string) => SOMETIMES.test(name);
  assert.deepEqual(
    [...shown].filter((name) => !documented.has(name)),
    [],
  );
  assert.deepEqual(
    [...documented].filter((name) => !shown.has(name) && !unsure(name)),
    [],
  );
  for (const file of ["grafana-dashboard.json", "alerts.yaml"]) {
    const text = readFileSync(join(ROOT, "config/deployment/observability", file), "utf8");
    const named = namesIn(text, /name=\\*"(\w+)\\*"/g);
    assert.deepEqual(
      [...named].filter((name) => !shown.has(name)),
      [],
      file,
    );
    const series = namesIn(text, /\b(wattveil_\w+)/g);
    assert.deepEqual(
      [...series].filter((name) => !texts.some((figure) => figure.includes(`# TYPE ${name} `))),
      [],
      file,
    );
  }

  // One round can be followed through the parties' lines.
  const lines = readFileSync(join(bed.data, "logs/system.log"), "utf8").trim().split("\n");
  const entries = lines.map((line) => JSON.parse(line) as { party: string; round?: string; msg: string });
  const settled = entries.find(({ msg, round }) => msg === "a round is settled" && round?.startsWith("b-"));
  const followed = new Set(entries.filter(({ round }) => round === settled?.round).map(({ party }) => party));
  assert.ok(followed.has("utility") && followed.has("a-1") && followed.has("a-2"), [...followed].join(" "));
});
