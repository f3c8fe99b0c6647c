/** The command frame, as processes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

const ROLE = path.join(import.meta.dirname, "testing", "role-worker.ts");

interface Run {
  readonly child: ChildProcessWithoutNullStreams;
  readonly cwd: string;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string; log: string }>;
}

function start(args: readonly string[], env: Record<string, string> = {}): Run {
  const cwd = mkdtempSync(path.join(tmpdir(), "wv-role-"));
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), ROLE, ...args], {
    cwd,
    env: { PATH: process.env["PATH"], ...env },
  });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (text.stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (text.stderr += data.toString()));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...text, log: logIn(cwd) }));
  return { child, cwd, ended };
}

function logIn(cwd: string): string {
  try {
    return readFileSync(path.join(cwd, "logs", "system.log"), "utf8");
  } catch {
    return "";
  }
}

test("maps flags to the configuration, over the command's own profile", async () => {
  const { code, stdout } = await start(["--id", "x", "--meters", "7", "--json"]).ended;
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), {
    meters: 7,
    minSlots: 12,
    json: true,
    configArguments: ["--profile", "demo", "--set", "simulation.meters=7"],
  });
});

test("leaves its own profile to whoever brings a file", async () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "wv-role-")), "c.yaml");
  writeFileSync(file, "simulation:\n  meters: 8\n");
  const { stdout } = await start(["--id", "x", "-c", file]).ended;
  const { meters, minSlots, configArguments } = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual(
    { meters, minSlots, configArguments },
    { meters: 8, minSlots: 96, configArguments: ["--config", file] },
  );
});

test("exits with 0 for help and with the code that run returns", async () => {
  const [help, code] = await Promise.all([start(["--help"]).ended, start(["--id", "x", "--act", "code"]).ended]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /--meters <number>/);
  assert.equal(code.code, 7);
});

test("exits with 2 for wrong flags, a missing one and a wrong configuration", async () => {
  const runs = [["--nope", "--id", "x"], [], ["--id", "x", "--meters", "none"], ["--id", "x", "operand"]].map(
    (args) => start(args).ended,
  );
  for (const { code, stderr } of await Promise.all([...runs, start(["--id", "x"], { WV_NOPE: "1" }).ended])) {
    assert.equal(code, 2, stderr);
    assert.notEqual(stderr, "");
  }
});

for (const [act, message] of [
  ["throw", "it broke"],
  ["throw-later", "it broke later"],
  ["reject", "nobody waited"],
] as const) {
  test(`logs what ${act} throws, says it on stderr and exits with 1`, async () => {
    const { code, log, stderr } = await start(["--id", "x-1", "--act", act]).ended;
    assert.equal(code, 1);
    const line = JSON.parse(log.trim().split("\n").at(-1)!) as Record<string, unknown>;
    assert.deepEqual([line["level"], line["msg"], line["party"]], ["fatal", message, "x-1"]);
    assert.match(stderr, new RegExp(message));
  });
}

for (const name of ["SIGINT", "SIGTERM"] as const) {
  test(`stops cleanly on ${name}`, async () => {
    const { child, ended } = start(["--id", "x", "--act", "wait"]);
    await once(child.stdout, "data");
    child.kill(name);
    const { code, log } = await ended;
    assert.equal(code, 0);
    assert.match(log, /stopped cleanly/);
  });
}
