/**
 * What strangers can do with ordinary programs: Debian's mosquitto clients on the plain loopback listener, the sqlite3
 * shell on the database of a run.
 */
// needs: mosquitto_sub mosquitto_pub sqlite3 stdbuf python3
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parseCheckpoint, parseNote } from "../../protocol/log/index.ts";
import { alert, feederLoad } from "../../protocol/messages/public.ts";
import { FleetBed } from "./testing/bed.ts";
import { ROOT } from "./testing/command.ts";

/** SQL as the documentation shows it: `sql` blocks, and what is given to sqlite3 in `sh` blocks. */
function documentedQueries(file: string): string[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const blocks = [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)];
  return blocks.flatMap(([, language, body = ""]) => {
    if (language === "sql") return body.split(/;\s*\n/).filter((query) => query.trim() !== "");
    return [...body.matchAll(/^sqlite3 \S+ "([^"]+)"/gm)].map(([, query = ""]) => query);
  });
}

/** Queries about what went wrong find nothing after a run in which nothing did. */
const MAY_BE_EMPTY = /FROM gaps|he_results|he_checks|noised_releases|status NOT IN|spare_answers, 0\) = 0|superseded/;

test("anyone may read public results with mosquitto_sub, and nothing else; sqlite3 answers the documented queries", async (t) => {
  const bed = await FleetBed.create(t);
  await bed.fleet.start();
  const port = String(bed.fleet.ports.public);
  const local = ["-h", "127.0.0.1", "-p", port];
  const reader = spawn("stdbuf", [
    "-oL",
    "mosquitto_sub",
    ...local,
    "-q",
    "1",
    "-t",
    "wv/1/pub/#",
    "-F",
    "%t\t%p",
    "-d",
  ]);
  t.after(() => {
    reader.kill("SIGKILL");
  });
  let lines: string[] = [];
  let subscribed: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (subscribed = resolve));
  reader.stdout.setEncoding("utf8").on("data", (text: string) => {
    lines = [...lines, ...text.split("\n").filter((line) => line !== "")];
    if (lines.some((line) => line.startsWith("Subscribed"))) subscribed();
  });
  // stdbuf: what mosquitto_sub says would otherwise stay in its buffer until much more has come.
  await ready;
  await bed.fleet.run();

  for (const filter of [
    "#",
    "wv/#",
    "wv/1/m/#",
    "wv/1/m/+/share/1",
    "wv/1/a/#",
    "wv/1/u/#",
    "wv/1/c/+/bill",
    "$SYS/#",
  ]) {
    const refused = spawnSync("mosquitto_sub", [...local, "-t", filter, "-W", "5", "-v"], { encoding: "utf8" });
    assert.match(refused.stderr, /denied|refused|Not authorized|not allowed/i, `${filter}: ${refused.stderr}`);
    assert.equal(refused.stdout, "", filter);
  }
  const intruder = { feederId: "f-1", energyWh: 666 };
  for (const topic of [
    "wv/1/pub/feeder/f-1/load",
    "wv/1/pub/alert/x",
    "wv/1/m/m-001/share/1",
    "wv/1/sim/clock",
    "free",
  ]) {
    const message = JSON.stringify(intruder);
    spawnSync("mosquitto_pub", [...local, "-q", "1", "-t", topic, "-m", message, "-r"], {
      encoding: "utf8",
      timeout: 5_000,
    });
  }

  const outcome = await bed.outcome();
  assert.equal(outcome.complete && outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome));
  await bed.fleet.stop();
  reader.kill("SIGTERM");
  await once(reader, "close");
  const published = lines.filter((line) => line.includes("\t")).map((line) => line.split("\t") as [string, string]);
  const loads = new Map<string, number>();
  for (const [topic, payload] of published) {
    const parsed: unknown = JSON.parse(payload);
    if (topic.startsWith("wv/1/pub/alert/")) alert.parse(parsed);
    else if (topic === "wv/1/pub/log/checkpoint") {
      const { checkpoint, size } = parsed as { checkpoint: string; size: number };
      assert.equal(parseCheckpoint(parseNote(checkpoint).text).size, size);
    } else {
      const load = feederLoad.parse(parsed);
      assert.equal(topic, `wv/1/pub/feeder/${load.feederId}/load`);
      loads.set(`${load.feederId}/${load.slotStart}`, load.energyWh);
    }
  }
  // Exactly the loads of the run, as fed; what a stranger published reached nobody.
  const { source, range } = bed.plan;
  assert.equal(loads.size, 2 * (range.to - range.from));
  for (const [key, energyWh] of loads) {
    const [feeder, start] = key.split("/");
    const slot = Number(start) / source.slotSeconds;
    const members = [...source.meters.keys()].filter((index) => source.feederOf(index, slot) === feeder);
    assert.equal(
      energyWh,
      members.reduce((sum, index) => sum + (source.read(index, slot)?.importWh ?? 0), 0),
    );
  }

  const database = join(bed.data, "utility", "utility.db");
  const payloads = published.filter(([topic]) => topic.endsWith("/load")).map(([, payload]) => payload);
  checkLoadsExample(payloads);
  checkBillsExample(database);
  for (const file of ["docs/database.md", "README.md"]) {
    const queries = documentedQueries(file);
    assert.ok(queries.length > 0, `${file} has example queries`);
    for (const sql of queries) {
      const answer = spawnSync("sqlite3", ["-readonly", database, sql], { encoding: "utf8" });
      assert.equal(answer.status, 0, `${file}: ${sql}\n${answer.stderr}`);
      assert.ok(answer.stdout !== "" || MAY_BE_EMPTY.test(sql), `${file}: an answer to ${sql}`);
    }
  }
});

/** `docs/examples/loads.py`, fed as mosquitto_sub feeds it. */
function checkLoadsExample(payloads: readonly string[]): void {
  const script = join(ROOT, "docs/examples/loads.py");
  const run = (input: string) => spawnSync("python3", [script], { encoding: "utf8", input });
  const { status, stdout, stderr } = run(`${payloads.join("\n")}\n`);
  assert.deepEqual([status, stderr], [0, ""]);
  const expected = payloads.map((payload) => {
    const { feederId, slotStart, slotSeconds, energyWh } = feederLoad.parse(JSON.parse(payload));
    const start = new Date(slotStart * 1_000).toISOString().replace("T", " ").slice(0, 16);
    return `${feederId}  ${start}  ${((energyWh * 3.6) / slotSeconds).toFixed(3)} kW`;
  });
  assert.deepEqual(stdout.trimEnd().split("\n"), expected);
  assert.match(run("{}\n").stderr, /line 1 is no released load: KeyError/);
}

/** `docs/examples/bills.py` on the database of the run, and on one in which a bill was changed. */
function checkBillsExample(database: string): void {
  const script = join(ROOT, "docs/examples/bills.py");
  const run = (file: string) => spawnSync("python3", [script, file], { encoding: "utf8" });
  const { status, stdout, stderr } = run(database);
  assert.deepEqual([status, stderr], [0, ""]);
  const kWh = [...stdout.matchAll(/([\d.]+) kWh/g)].map(([, number]) => number);
  assert.match(stdout, /: 10 of 10 bills final, /);
  assert.equal(kWh.length, 2);
  assert.equal(kWh[0], kWh[1]);
  const changed = join(dirname(database), "changed.db");
  spawnSync("sqlite3", [database, `VACUUM INTO '${changed}'`]);
  spawnSync("sqlite3", [changed, "UPDATE bills SET amount_micro = amount_micro + 1 WHERE meter_id = 'm-001'"]);
  const found = run(changed);
  assert.equal(found.status, 1);
  assert.match(found.stderr, /^m-001 \S+: \d+ is not \d+$/m);
  assert.equal(run(join(dirname(database), "none.db")).status, 2);
}
