/** `npm run meter` as a command, where no broker is: what it refuses, and that it ends. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol } from "../../config/enrolment/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { KINDS, type Kind } from "../../protocol/units.ts";
import { Outbox } from "./outbox.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wattveil-meter-"));
const METERS = ["m-001", "m-002"];
let port = 0;

before(async () => {
  await enrol({ data: ROOT, meters: METERS.map((meter) => ({ meter, feeder: "f-1" })), simulation: false });
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  ({ port } = address);
  server.close();
});
after(() => rmSync(ROOT, { recursive: true, force: true }));

async function meter(args: readonly string[], input = "") {
  const settings = [`broker.tlsPort=${port}`, `paths.logs=${join(ROOT, "logs")}`].flatMap((text) => ["--set", text]);
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(NODE_TEST_|WV_|npm_)/.test(key)));
  const child = spawn(
    process.execPath,
    ["config/runtime/start.mjs", "hardware/agent/main.ts", "--data", ROOT, ...settings, ...args],
    { env, stdio: "pipe" },
  );
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => undefined).end(input);
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

const STARTED = Math.floor(Date.now() / 900_000) * 900 - 9_000;

test("an input that is not there, or a folder, is wrong use and told in one line", async () => {
  const missing = await meter(["--id", "m-001", "--input", "nosuch.jsonl"]);
  assert.deepEqual([missing.code, missing.stderr], [2, "--input nosuch.jsonl: there is no such file\n"]);
  const folder = await meter(["--id", "m-001", "--input", ROOT]);
  assert.equal(folder.code, 2);
  assert.match(folder.stderr, /^--input .*: this is a folder, expected .*\n$/);
});

test("without a broker --once gives up, says so, keeps the reading, and tells each refused line once", async () => {
  const file = join(ROOT, "input.jsonl");
  const good = JSON.stringify({ slotStart: STARTED, energyWh: 250 });
  writeFileSync(file, [good, "", "watts", JSON.stringify({ slotStart: STARTED, energyWh: 1 }), ""].join("\n"));
  const end = await meter(["--id", "m-001", "--once", "--patience", "0.2", "--input", file]);
  assert.equal(end.code, 1);
  const told = end.stderr.split("\n").filter((line) => line.startsWith("line "));
  assert.equal(told.length, 2, end.stderr);
  assert.match(told[0] ?? "", /^line 3: expected \{"slotStart".*this is no JSON$/);
  assert.match(told[1] ?? "", new RegExp(`^line 4: slotStart: expected ${STARTED + 900} or later`));
  assert.match(end.stderr, new RegExp(`no broker answers at 127\\.0\\.0\\.1:${port}: .* stays in the outbox`));
  assert.equal(end.stderr.includes("bad-input"), false, "the log's own words are for the log");
  assert.equal(end.stdout, "0 slots settled\n1 reading not settled yet\n");
  const kept = await meter(["readings", "--id", "m-001", "--csv"]);
  assert.match(kept.stdout, new RegExp(`^m-001,${STARTED},250$`, "m"));
});

test("privacy tells what learning has cost, which is nothing yet", async () => {
  const told = await meter(["privacy", "--id", "m-001"]);
  assert.deepEqual(
    [told.code, told.stdout],
    [
      0,
      "m-001 has taken part in no round of learning.\n" +
        "Bills and loads of the feeder are exact: not covered by the privacy account.\n",
    ],
  );
  const never = await meter(["privacy", "--id", "m-002"]);
  assert.equal(never.code, 2);
  assert.match(never.stderr, /m-002 was never started in /);
});

test("with --json the outcome is one object", async () => {
  const input = `${JSON.stringify({ slotStart: STARTED, energyWh: 250, exportWh: 3 })}\n{}\n`;
  const end = await meter(["--id", "m-002", "--once", "--patience", "0.2", "--json"], input);
  assert.equal(end.code, 1);
  assert.deepEqual(JSON.parse(end.stdout), {
    lines: 1,
    refusedLines: 1,
    settledSlots: 0,
    unsettledReadings: 2,
    gapSlots: {},
  });
});

test("where a fleet ran, a meter's readings are those of its simulated device, and its bills are the utility's", async () => {
  const data = join(ROOT, "fleet-ran");
  const file = join(data, "meters-2", "outbox.db");
  const database = openDatabase(file, { synchronous: "FULL" });
  const outbox = new Outbox(database);
  const { number } = outbox.boot("m-001");
  const append = (kind: Kind, firstSlot: number, readings: number[]): void =>
    outbox.append(number, { kind, firstSlot, readings }, () => undefined);
  append(KINDS.import, 100, [5, 6]);
  append(KINDS.export, 101, [7]);
  outbox.flush();
  const readings = await meter(["readings", "--id", "m-001", "--csv", "--data", data]);
  assert.equal(
    readings.stdout,
    "meter,slot_start,energy_wh,export_wh\nm-001,90000,5,\nm-001,90900,6,7\n",
    readings.stderr,
  );
  // A device of its own, too: what it has read stands.
  const own = openDatabase(join(data, "m-001", "meter.db"), { synchronous: "FULL" });
  const device = new Outbox(own);
  device.append(
    device.boot("m-001").number,
    { kind: KINDS.import, firstSlot: 101, readings: [66, 8] },
    () => undefined,
  );
  device.flush();
  own.close();
  database.close();
  const both = await meter(["readings", "--id", "m-001", "--csv", "--data", data]);
  assert.match(both.stdout, /\nm-001,90000,5,\nm-001,90900,66,7\nm-001,91800,8,\n$/);
  const bills = await meter(["bills", "--id", "m-001", "--data", data]);
  assert.equal(bills.stdout, "No bill has come yet.\n");
  assert.match(
    bills.stderr,
    /simulated meter .* npm run bills -- --data .*fleet-ran --meter m-001 prints the utility's/,
  );
  const stranger = await meter(["readings", "--id", "m-002", "--data", data]);
  assert.equal(stranger.code, 2);
  assert.match(stranger.stderr, /^m-002 has read nothing in .*fleet-ran: start the meter first .*, or a fleet/);
});

test("a database that is another party's is named", async () => {
  const data = join(ROOT, "foreign");
  const file = join(data, "meters-1", "outbox.db");
  const database = openDatabase(file, { synchronous: "FULL" });
  for (const table of ["meters (id TEXT)", "other (id TEXT)"]) {
    database.exec(`DROP TABLE IF EXISTS meters; CREATE TABLE ${table}`);
    for (const verb of ["readings", "bills", "privacy"]) {
      const { code, stderr } = await meter([verb, "--id", "m-001", "--data", data]);
      assert.equal(code, 1);
      assert.match(stderr, /^\S*meters-1\/outbox\.db is not the database of a meter \(no such (table|column).*\)\n$/);
    }
  }
  database.close();
});

test("flags that would change nothing are refused, and the help shows the input", async () => {
  const cases: [string[], RegExp][] = [
    [["readings", "--id", "m-001", "--input", "x"], /--input: not for readings/],
    [["--id", "m-001", "--patience", "5"], /--patience: only with --once/],
    [["--id", "m-001", "--once", "--patience", "soon"], /--patience: expected a number of seconds above 0/],
    [["--id", "m-001", "--csv"], /--csv: only with the command readings/],
  ];
  for (const [args, text] of cases) {
    const { code, stderr } = await meter(args);
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, text);
  }
  const { stdout } = await meter(["--help"]);
  assert.match(stdout, /\{"slotStart": \d+, "energyWh": \d+\}/);
  assert.match(stdout, /\{"time": \d+, "importWh": \d+\}/);
  assert.match(stdout, /Exit codes?:/);
});
