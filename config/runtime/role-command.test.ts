/** The command frame, as processes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

const START = path.join(import.meta.dirname, "start.mjs");
const ROLE = path.join(import.meta.dirname, "testing", "role-worker.ts");

interface Run {
  readonly child: ChildProcessWithoutNullStreams;
  readonly cwd: string;
  readonly ended: Promise<{ code: number | null; stdout: string; stderr: string; log: string }>;
}

function start(args: readonly string[], env: Record<string, string> = {}): Run {
  const cwd = mkdtempSync(path.join(tmpdir(), "wv-role-"));
  const child = spawn(process.execPath, [START, ROLE, ...args], {
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
    api: true,
    json: true,
    configArguments: ["--profile", "demo", "--set", "simulation.meters=7"],
  });
});

test("a flag that turns something off leaves the configuration alone where it is not given", async () => {
  const apiOf = async (...args: string[]): Promise<unknown> => {
    const { stdout } = await start(["--id", "x", ...args]).ended;
    return (JSON.parse(stdout) as { api: boolean }).api;
  };
  assert.equal(await apiOf("--no-api"), false);
  assert.equal(await apiOf("--set", "api.enabled=false"), false);
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

test("a reader who takes its time gets all that was printed, through a pipe", async () => {
  // Through a shell: what node gives its children in place of a pipe holds more than one.
  const command = `"${process.execPath}" "${START}" "${ROLE}" --id x --act long | (sleep 1; wc -c)`;
  const child = spawn("sh", ["-c", command], { cwd: mkdtempSync(path.join(tmpdir(), "wv-role-")) });
  const [told] = (await once(child.stdout, "data")) as [Buffer];
  assert.equal(told.toString().trim(), "1000000");
});

test("a reader who has gone already is no fault, neither of help nor of a refusal", async () => {
  for (const [args, stream, expected] of [
    [["--help"], "stdout", 0],
    [["--bogus"], "stderr", 2],
  ] as const) {
    const run = start(args);
    run.child[stream].destroy();
    const { code, stderr, stdout } = await run.ended;
    assert.deepEqual([code, stderr, stdout], [expected, "", ""], args.join());
  }
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

test("says an explained fault in one line, and logs it without a stack", async () => {
  const { code, log, stderr } = await start(["--id", "x-1", "--act", "explained"]).ended;
  assert.equal(code, 1);
  assert.equal(stderr, "the third one is missing\n");
  assert.match(log, /"level":"fatal".*the third one is missing/);
  assert.doesNotMatch(log, / at /);
});

test("names the file of a fault of the file system in one line, and keeps its stack in the log", async () => {
  const { code, log, stderr } = await start(["--id", "x-1", "--act", "file"]).ended;
  assert.equal(code, 1);
  assert.equal(stderr, "example: nowhere/at-all.txt: there is no such file or folder (ENOENT)\n");
  assert.match(log, /"level":"fatal".*"stack":/);
});

test("keeps the stack of anything else in the log, and says where that is", async () => {
  const { log, stderr } = await start(["--id", "x-1", "--act", "throw"]).ended;
  assert.equal(stderr, `example: it broke (more in ${path.join("logs", "system.log")})\n`);
  assert.match(log, /"stack":"Error: it broke/);
});

test("refuses a file where a folder is needed, and a configuration file that is none", async () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), "wv-role-")), "file");
  writeFileSync(file, "");
  const cases: [string[], string][] = [
    [["--data", file], `paths.data: ${file} is a file, expected a folder (flag --data)\n`],
    [["-d", `${file}/in`], `paths.data: ${file}/in is a file, expected a folder (flag --data)\n`],
    [["-s", `paths.logs=${file}`], `paths.logs: ${file} is a file, expected a folder (flag --set)\n`],
    [["-c", "nosuch.yaml"], "configuration: nosuch.yaml: there is no such file (flag --config)\n"],
    [["-c", tmpdir()], `configuration: ${tmpdir()}: is a folder; expected a YAML file (flag --config)\n`],
  ];
  for (const [args, said] of cases) {
    const { code, stderr } = await start(["--id", "x", ...args]).ended;
    assert.deepEqual([code, stderr], [2, said]);
  }
});

test("ends with one line where the folder of the logs cannot be made", async () => {
  const { code, stderr } = await start(["--id", "x", "-s", "paths.logs=/proc/foo/logs"]).ended;
  const reason = "the system keeps no folders there (ENOENT)";
  assert.deepEqual([code, stderr], [2, `paths.logs: /proc/foo/logs cannot be made in /proc: ${reason}\n`]);
});

test("names the setting when the log cannot be written", async () => {
  const logs = mkdtempSync(path.join(tmpdir(), "wv-role-"));
  mkdirSync(path.join(logs, "system.log")); // a folder in its place fails for root, too
  const { code, stderr } = await start(["--id", "x", "-s", `paths.logs=${logs}`]).ended;
  assert.equal(code, 2);
  assert.match(stderr, /^paths\.logs: .*system\.log: is a folder, not a file \(EISDIR\).*\n$/);
});

test("ends its help with exit codes and examples, without defaults that say nothing", async () => {
  const { stdout } = await start(["--help"]).ended;
  assert.match(stdout, /^Exit codes: 0 done; 1 .*; 2 .*; 130 /m);
  assert.match(stdout, /^Examples:\n {2}npm run example -- --id x$/m);
  assert.doesNotMatch(stdout, /\(default: /);
});

test("notices that npm took the flags, and only for its own script", async () => {
  const eaten = { npm_lifecycle_event: "example", npm_config_meters: "true", npm_config_id: "true" };
  const { code, stderr } = await start(["x", "7"], eaten).ended;
  assert.equal(code, 2);
  assert.match(stderr, /^npm has taken --id, --meters for itself: .* npm run example -- --id .*\n$/);
  const other = await start(["--id", "x"], { ...eaten, npm_lifecycle_event: "fleet" }).ended;
  assert.equal(other.code, 0, other.stderr);
  const call = await start(["--id", "x"], { npm_lifecycle_event: "example", npm_config_call: "x.yaml" }).ended;
  assert.match(call.stderr, /npm has taken -c for itself/);
});

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`stops cleanly on ${name}`, async () => {
    const { child, ended } = start(["--id", "x", "--act", "wait"]);
    await once(child.stdout, "data");
    child.kill(name);
    const { code, log } = await ended;
    assert.equal(code, 0);
    assert.match(log, /stopped cleanly/);
  });
}

test("a role that stands still for too long is ended, and says so; one that computes or asks for as long is not", async () => {
  const run = (act: string) => start(["--id", "x-1", "--act", act, "--set", "roles.stillSeconds=2"]);
  const [still, work, ask] = [run("still"), run("work"), run("ask")];
  const { stderr } = await still.ended;
  assert.equal(still.child.signalCode, "SIGKILL");
  assert.equal(stderr, "x-1: stood still for 2 s and is ended (roles.stillSeconds)\n");
  for (const { code, stdout } of [await work.ended, await ask.ended])
    assert.deepEqual([code, stdout], [0, "through\n"]);
});

test("a role that waits for its signal does not stand still, nor does one whose whole process was stopped", async () => {
  const { child, ended } = start(["--id", "x-1", "--act", "wait", "--set", "roles.stillSeconds=2"]);
  await once(child.stdout, "data");
  await delay(2_500);
  child.kill("SIGSTOP");
  await delay(3_000);
  child.kill("SIGCONT");
  await delay(1_000);
  child.kill("SIGTERM");
  assert.equal((await ended).code, 0);
});
