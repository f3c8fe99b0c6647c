/** Logs and refusals. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { loadConfig } from "../load.ts";
import type { Config } from "../schema.ts";
import { Refusals, createLogger } from "./logger.ts";

function configIn(folder: string, extra: Record<string, unknown> = {}): Config {
  const flags = Object.entries({ "paths.logs": folder, ...extra });
  return loadConfig({ env: {}, flags: flags.map(([name, value]) => ({ name: "--set", path: name, value })) });
}

const newFolder = (): string => path.join(mkdtempSync(path.join(tmpdir(), "wv-log-")), "logs");

function linesOf(file: string): Record<string, unknown>[] {
  const text = readFileSync(file, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("writes events and measurements as JSON lines with time and party", () => {
  const folder = newFolder();
  const { log, measure, flush } = createLogger(configIn(folder), "a-1", { stderr: "silent" });
  log.info({ rows: 3 }, "committed");
  log.debug({}, "below the level");
  measure("commit", { rows: 3, commitMilliseconds: 1.5 });
  flush();
  const [event, ...others] = linesOf(path.join(folder, "system.log"));
  assert.deepEqual(others, []);
  assert.equal(event?.["level"], "info");
  assert.equal(event["party"], "a-1");
  assert.equal(event["msg"], "committed");
  assert.match(String(event["time"]), /^\d{4}-\d\d-\d\dT/);
  for (const name of readdirSync(folder)) assert.equal(statSync(path.join(folder, name)).mode & 0o007, 0, name);
  const [measurement] = linesOf(path.join(folder, "performance.json"));
  assert.equal(measurement?.["name"], "commit");
  assert.equal(measurement["commitMilliseconds"], 1.5);
});

test("writes no measurements when they are off, and no files at all when asked", () => {
  const folder = newFolder();
  const off = createLogger(configIn(folder, { "logging.performance": false }), "a-1", { stderr: "silent" });
  off.measure("commit", { rows: 3 });
  off.log.info({}, "x");
  off.flush();
  assert.deepEqual(readdirSync(folder), ["system.log"]);
  const none = newFolder();
  createLogger(configIn(none), "bills", { stderr: "silent", files: false }).log.info({}, "x");
  assert.throws(() => readdirSync(none));
});

test("keeps lines whole when several processes write the same files", async () => {
  const folder = newFolder();
  const script = `
    import { createLogger } from ${JSON.stringify(path.join(import.meta.dirname, "logger.ts"))};
    import { loadConfig } from ${JSON.stringify(path.join(import.meta.dirname, "..", "load.ts"))};
    const flags = [{ name: "--set", path: "paths.logs", value: ${JSON.stringify(folder)} }];
    const { log, measure } = createLogger(loadConfig({ env: {}, flags }), "p", { stderr: "silent" });
    for (let i = 0; i < 200; i++) { log.info({ i, pad: "x".repeat(500) }, "event"); measure("m", { i }); }
    process.kill(process.pid, "SIGKILL");`;
  const args = ["--import", import.meta.resolve("tsx"), "--input-type=module", "-e", script];
  const signals = [1, 2, 3].map(async () => (await once(spawn(process.execPath, args), "exit")) as [null, string]);
  assert.deepEqual(
    (await Promise.all(signals)).map(([, signal]) => signal),
    ["SIGKILL", "SIGKILL", "SIGKILL"],
  );
  assert.equal(linesOf(path.join(folder, "system.log")).length, 600);
  assert.equal(linesOf(path.join(folder, "performance.json")).length, 600);
});

test("counts every refusal and logs each code once per interval", () => {
  const lines: Record<string, unknown>[] = [];
  let seconds = 0;
  const log = { warn: (fields: Readonly<Record<string, unknown>>) => lines.push(fields) };
  const refusals = new Refusals({ log, intervalSeconds: 10, now: () => seconds });
  for (let i = 0; i < 5; i++) refusals.count("bad-seal", `m-00${i}`);
  refusals.count("replayed");
  seconds = 11;
  refusals.count("bad-seal");
  refusals.count("bad-seal");
  refusals.flush();
  const seen = lines.map(({ refused, count, total }) => [refused, count, total]);
  assert.deepEqual(seen, [
    ["bad-seal", 1, 1],
    ["replayed", 1, 1],
    ["bad-seal", 5, 6],
    ["bad-seal", 1, 7],
  ]);
  assert.deepEqual(refusals.snapshot(), { "bad-seal": 7, replayed: 1 });
});

test("does not grow with codes that someone makes up", () => {
  const refusals = new Refusals({ log: { warn: () => {} }, intervalSeconds: 10, maxCodes: 2 });
  for (const code of ["a", "b", "c", "d"]) refusals.count(code);
  assert.deepEqual(refusals.snapshot(), { a: 1, b: 1, other: 2 });
});
