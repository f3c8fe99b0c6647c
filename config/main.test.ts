/** `npm run config` as a process. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { loadConfig } from "./load.ts";

const MAIN = path.join(import.meta.dirname, "main.ts");
const START = path.join(import.meta.dirname, "runtime/start.mjs");

function run(...args: string[]): { status: number | null; stdout: string; stderr: string; left: string[] } {
  const cwd = mkdtempSync(path.join(tmpdir(), "wv-config-"));
  const env = { PATH: process.env["PATH"] };
  const { status, stdout, stderr } = spawnSync(process.execPath, [START, MAIN, ...args], {
    cwd,
    env,
    encoding: "utf8",
  });
  return { status, stdout, stderr, left: readdirSync(cwd) };
}

test("prints the effective configuration as YAML and leaves no files", () => {
  const { status, stdout, left } = run("--profile", "demo", "--set", "simulation.meters=60");
  assert.equal(status, 0);
  const flags = [{ name: "--set", path: "simulation.meters", value: 60 }];
  assert.deepEqual(parse(stdout), loadConfig({ profile: "demo", env: {}, flags }));
  assert.deepEqual(left, []);
});

test("prints JSON, with origins when asked", () => {
  assert.deepEqual(JSON.parse(run("--json").stdout), loadConfig({ env: {} }));
  const origins = JSON.parse(run("--json", "--origin", "--data", "elsewhere").stdout) as Record<string, unknown>;
  assert.deepEqual(origins["paths.data"], { value: "elsewhere", origin: { kind: "flag", name: "--data" } });
});

test("long values are shortened in the table of origins, and whole in JSON", () => {
  const url = `postgres://user@${"long-".repeat(40)}host/db`;
  const set = ["--origin", "--set", `storage.url=${url}`];
  const { status, stdout, stderr } = run(...set);
  assert.equal(status, 0, stderr);
  const row = stdout.split("\n").find((line) => line.includes("storage.url"));
  assert.match(row ?? "", /"postgres:.*…/);
  assert.ok(Math.max(...stdout.split("\n").map((line) => line.length)) < 200);
  const whole = JSON.parse(run("--json", ...set).stdout) as Record<string, { value: unknown }>;
  assert.equal(whole["storage.url"]?.value, url);
});

test("exits with 2 and all faults for a configuration that cannot be used", () => {
  const { status, stderr, stdout } = run(
    "--set",
    "system.threshold=5",
    "--set",
    "x.y=1",
    "--set",
    "broker.tlsPort=8884",
  );
  assert.equal(status, 2);
  assert.equal(stdout, "");
  assert.match(stderr, /3 faults/);
});

test("exits with 2 for an unknown flag, a setting without a value and an operand", () => {
  for (const args of [["--nope"], ["--set", "x"], ["operand"]]) assert.equal(run(...args).status, 2, args.join(" "));
});
