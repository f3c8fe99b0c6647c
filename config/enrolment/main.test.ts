import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { z } from "zod";
import { openParty } from "../keys/index.ts";
import { lockDatabase } from "../runtime/database.ts";
import { startTestBroker } from "../runtime/testing/broker.ts";

const data = mkdtempSync(join(tmpdir(), "enrol-main-"));
after(() => rmSync(data, { recursive: true, force: true }));
const main = new URL("main.ts", import.meta.url).pathname;

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function argvOf(args: readonly string[]): string[] {
  return ["config/runtime/start.mjs", main, "--data", data, "--set", `paths.logs=${join(data, "logs")}`, ...args];
}

function run(...args: string[]): Result {
  const { status, stdout, stderr } = spawnSync(process.execPath, argvOf(args), { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

/** While this process goes on, for it holds the broker. */
async function runBeside(...args: string[]): Promise<Result> {
  const child = spawn(process.execPath, argvOf(args));
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

const listed = z.object({
  meters: z.array(
    z.object({ meter: z.string(), state: z.string(), keyVersion: z.int(), countersignedBy: z.array(z.int()) }),
  ),
});

test("the command enrols, changes meters while nothing runs, and lists them", () => {
  const first = run("--meters", "3", "--feeders", "1", "--json");
  assert.equal(first.code, 0, first.err);
  assert.equal(z.object({ added: z.int() }).parse(JSON.parse(first.out)).added, 3);
  assert.equal(run("add", "--meter", "house-4", "--feeder", "f-1", "--offline").code, 0);
  assert.equal(run("rekey", "--meter", "m-002", "--offline").code, 0);
  const again = run("add", "--meter", "house-4", "--feeder", "f-1", "--offline");
  assert.match(again.out, /nothing to do/);
  const { meters } = listed.parse(JSON.parse(run("list", "--json").out));
  assert.deepEqual(
    meters.map(({ meter, keyVersion }) => [meter, keyVersion]),
    [
      ["house-4", 1],
      ["m-001", 1],
      ["m-002", 2],
      ["m-003", 1],
    ],
  );
  assert.ok(meters.every(({ countersignedBy }) => countersignedBy.length === 3));
});

test("checks the whole command before it looks for a broker or a clock", () => {
  const nobody = ["--set", "broker.tlsPort=1", "--wait", "60"];
  const cases: [string[], number, RegExp][] = [
    [["revoke", "--meter", "m-999"], 2, /^m-999 is not enrolled: .*\n$/],
    [["move", "--meter", "m-001"], 2, /^move: name the feeder with --feeder\n$/],
    [["add", "--meter", "m-001", "--feeder", "f-2"], 2, /^m-001 is enrolled on f-1: use move\n$/],
    [["rekey", "--meter", "M 1"], 2, /^--meter: "M 1": .*\n$/],
    [["revoke", "--meter", "m-001", "--feeder", "f-1"], 2, /^--feeder: not for revoke/],
    [["revoke", "--meter", "m-001", "--from-slot", "x"], 2, /^--from-slot: expected a slot number, got x\n$/],
    [["revoke", "--meter", "m-001", "--wait", "0"], 2, /^--wait: expected seconds above 0, got 0\n$/],
    [["revoke", "m-001"], 2, /^one command at a time, .* npm run enrol -- revoke --meter m-001\n$/],
    [["move", "m-001", "f-2"], 2, /npm run enrol -- move --meter m-001 --feeder f-2\n$/],
  ];
  for (const [args, code, said] of cases) {
    const result = run(...(args.includes("--wait") ? nobody.slice(0, 2) : nobody), ...args);
    assert.equal(result.code, code, args.join(" "));
    assert.match(result.err, said);
  }
});

test("a feeder has one head: a second one waits until the place of the first has ended", () => {
  const add = (meter: string) => run("add", "--head", "--meter", meter, "--feeder", "f-1", "--offline");
  assert.equal(add("h-1").code, 0);
  const second = add("h-2");
  assert.equal(second.code, 2);
  assert.equal(second.err, "f-1 has a head, h-1: end its place first (npm run enrol -- revoke --meter h-1)\n");
  assert.match(run("list").out, /\n4 meters, 1 head, as of /);
  assert.equal(run("revoke", "--meter", "h-1", "--offline").code, 0);
  assert.equal(add("h-2").code, 0);
});

test("says when a feeder is a new one, and which there are", () => {
  const added = run("add", "--meter", "house-5", "--feeder", "f-9", "--offline");
  assert.equal(added.code, 0, added.err);
  assert.equal(added.err, "f-9 is a new feeder; so far there are f-1\n");
  assert.equal(run("move", "--meter", "house-5", "--feeder", "f-1", "--offline").err, "");
});

test("a change says from which slot and local time on it holds", () => {
  const folder = join(data, "times");
  const zone = ["--data", folder, "--set", "system.timezone=Europe/Berlin"];
  assert.equal(run("--meters", "2", "--feeders", "2", "--simulation", ...zone).code, 0);
  const slot = Date.parse("2025-01-16T13:15:00+01:00") / 900_000;
  const at = ["--offline", "--from-slot", String(slot), ...zone];
  const added = run("add", "--meter", "m-013", "--feeder", "f-1", ...at);
  assert.match(
    added.out,
    new RegExp(`^m-013 belongs to f-1 from 2025-01-16 13:15 \\(slot ${slot}\\) on$`, "m"),
    added.err,
  );
  const again = run("add", "--meter", "m-013", "--feeder", "f-1", ...at);
  assert.match(again.out, /done already\nm-013 belongs to f-1 from 2025-01-16 13:15/);
  assert.match(
    run("move", "--meter", "m-001", "--feeder", "f-2", ...at).out,
    /^m-001 belongs to f-2 from 2025-01-16 13/m,
  );
  assert.match(run("revoke", "--meter", "m-002", ...at).out, /^m-002 belongs to no feeder from 2025-01-16 13:15/m);
  const rekeyed = run("rekey", "--meter", "m-013", ...at, "--json");
  assert.deepEqual((JSON.parse(rekeyed.out) as { fromSlot: unknown }).fromSlot, null);
});

test("list goes by the time that the simulation has reached, and says when it knows none", () => {
  const folder = join(data, "times");
  const list = (...args: string[]): string =>
    run("list", "--data", folder, "--set", "system.timezone=Europe/Berlin", ...args).out;
  assert.match(list(), /^3 meters, as of .* by the wall clock: nothing in this folder tells the simulated time/m);
  mkdirSync(join(folder, "fleet"));
  writeFileSync(
    join(folder, "fleet", "history.json"),
    JSON.stringify({ firstDate: "2025-01-15", nextDate: "2025-01-16" }),
  );
  const before = list();
  assert.match(before, /^3 meters, as of 2025-01-16 00:00 \(slot 1929980\), the simulated time$/m);
  assert.match(before, /m-001 .*│ f-1 .*│ active, f-2 from 2025-01-16 13:15 \(slot \d+\)/);
  assert.match(before, /m-002 .*│ f-2 .*│ active, revoked from 2025-01-16 13:15/);
  assert.match(before, /m-013 .*│ - .*│ not enrolled yet, f-1 from 2025-01-16 13:15/);
  const time = Date.parse("2025-01-16T14:00:00+01:00") / 1000;
  writeFileSync(join(folder, "fleet", "clock.json"), JSON.stringify({ time }));
  const after = list();
  assert.match(after, /as of 2025-01-16 14:00 /);
  assert.match(after, /m-001 .*│ f-2 .*│ active since 2025-01-16 13:15/);
  assert.match(after, /m-002 .*│ - .*│ revoked from 2025-01-16 13:15/);
  const { clock, slot } = JSON.parse(list("--json", "--from-slot", "5")) as { clock: string; slot: number };
  assert.deepEqual([clock, slot], ["given", 5]);
});

test("a simulated clock that stands still is said once, with what to do; new keys need no clock", async (t) => {
  const folder = join(data, "simulation");
  assert.equal(run("--meters", "2", "--feeders", "1", "--simulation", "--data", folder).code, 0);
  const broker = await startTestBroker(openParty(join(folder, "keys", "broker")).tls);
  t.after(() => broker.close());
  const online = ["--data", folder, "--set", `broker.tlsPort=${broker.port}`, "--wait", "2"];
  const revoke = await runBeside("revoke", "--meter", "m-001", ...online);
  assert.equal(revoke.code, 1);
  assert.match(revoke.err, /^the simulated clock stood still for 2 s, .*--from-slot .*--offline when nothing runs\n$/);
  // There are no aggregators here: that they are asked shows that nothing waits for the clock.
  for (const command of [
    ["rekey", "--meter", "m-001"],
    ["revoke", "--meter", "m-002", "--from-slot", "2000000"],
  ]) {
    const { code, err } = await runBeside(...command, ...online);
    assert.equal(code, 1);
    assert.match(err, /aggregators must countersign, 0 did; no answer from a-1, a-2, a-3/);
  }
});

test("renews and retires a certificate, and says what is to be handed on", () => {
  const early = run("retire", "--party", "a-1");
  assert.equal(early.code, 1);
  assert.match(early.err, /no certificate of a-1 was replaced: npm run enrol -- renew --party a-1/);
  const renewed = run("renew", "--party", "a-1");
  assert.equal(renewed.code, 0, renewed.err);
  assert.match(renewed.out, /hand it identity\.key and identity\.crt; nobody needs a restart(.|\n)*retire --party a-1/);
  const retired = run("retire", "--party", "a-1", "--json");
  assert.equal(retired.code, 0, retired.err);
  assert.equal(z.object({ refused: z.array(z.string()) }).parse(JSON.parse(retired.out)).refused.length, 1);
  for (const args of [["renew"], ["renew", "--meter", "m-001"], ["retire", "--party", "a-1", "--hosts", "x"]]) {
    assert.equal(run(...args).code, 2, args.join(" "));
  }
});

test("a command that is interrupted says so, and nothing of a clock", async (t) => {
  const folder = join(data, "interrupted");
  assert.equal(run("--meters", "1", "--feeders", "1", "--simulation", "--data", folder).code, 0);
  const broker = await startTestBroker(openParty(join(folder, "keys", "broker")).tls);
  t.after(() => broker.close());
  const online = ["--data", folder, "--set", `broker.tlsPort=${broker.port}`, "--wait", "60"];
  const child = spawn(process.execPath, argvOf(["revoke", "--meter", "m-001", ...online]));
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  broker.aedes.once("subscribe", () => child.kill("SIGINT"));
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 130, said);
  assert.equal(said, "interrupted; what was signed is kept: repeat the command\n");
});

test("wrong use ends with 2, and what cannot be done with 1 and the reason", () => {
  assert.equal(run("add", "--offline").code, 2);
  assert.equal(run("dance").code, 2);
  const revoked = run("revoke", "--meter", "m-999", "--offline");
  assert.equal(revoked.code, 2);
  assert.doesNotMatch(readFileSync(join(data, "logs", "system.log"), "utf8"), /"fatal".*m-999/);
  assert.equal(revoked.err, "m-999 is not enrolled: `npm run enrol -- list` shows who is\n");
  const unreachable = run("sync", "--wait", "0.2", "--set", "broker.tlsPort=1");
  assert.equal(unreachable.code, 1);
  assert.match(unreachable.err, /^no connection to the broker at 127\.0\.0\.1:1 .*; --offline when nothing runs\n$/);
  writeFileSync(join(data, "meters.csv"), "meter,feeder\nUtility,f-1\n");
  const named = run("--meters-file", join(data, "meters.csv"));
  assert.equal(named.code, 1);
  assert.match(named.err, /meter "Utility"/);
  chmodSync(join(data, "keys", "authority", "ca.key"), 0o644);
  const open = run("add", "--meter", "m-004", "--feeder", "f-1", "--offline");
  assert.match(open.err, /chmod 600 .*ca\.key/);
});

test("one command at a time changes keys: another says so and changes nothing, and lists go on", () => {
  const lock = lockDatabase(join(data, "enrolment"));
  try {
    const second = run("revoke", "--meter", "m-003", "--offline");
    assert.equal(second.code, 1);
    assert.match(second.err, /another command is changing the keys in .*: repeat this one when it is done\n$/);
    for (const args of [["--meters", "4", "--feeders", "1"], ["renew", "--party", "a-1"], ["sync"]]) {
      assert.match(run(...args).err, /another command is changing the keys/);
    }
    assert.equal(run("list").code, 0);
  } finally {
    lock.close();
  }
  assert.equal(run("revoke", "--meter", "m-003", "--offline").code, 0);
});
