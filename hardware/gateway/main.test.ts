/** `npm run gateway` as a command: what it prints, keeps, plays back and refuses. */
// needs: socat
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { enrol } from "../../config/enrolment/index.ts";
import { ownReadings } from "../agent/household.ts";
import { EXAMPLE_STATE } from "../readers/testing/meter-state.ts";
import { p1Telegram } from "../readers/testing/p1-telegrams.ts";
import { smlTelegram } from "../readers/testing/sml-telegrams.ts";
import { PtyCable, until } from "./testing/pty.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wv-gateway-command-"));
after(() => rmSync(ROOT, { recursive: true, force: true }));

function start(args: readonly string[]) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(NODE_TEST_|WV_|npm_)/.test(key)));
  const settings = ["--data", ROOT, "--set", `paths.logs=${join(ROOT, "logs")}`];
  const command = ["config/runtime/start.mjs", "hardware/gateway/main.ts", ...settings, ...args];
  const child = spawn(process.execPath, command, { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return {
    output,
    ended,
    stop: async () => {
      child.kill("SIGTERM");
      return await ended;
    },
  };
}

async function run(args: readonly string[]) {
  const { output, ended } = start(args);
  return { code: await ended, ...output };
}

test("--dry-run prints every telegram, --record keeps the bytes, --replay prints the same from them", async () => {
  const cable = new PtyCable();
  await cable.plugIn();
  const record = join(ROOT, "p1.jsonl");
  const live = start(["--port", cable.port, "--kind", "p1", "--dry-run", "--json", "--record", record]);
  const telegram = p1Telegram("belgium", EXAMPLE_STATE);
  // Until the port is open nobody listens.
  const speaking = setInterval(() => void cable.send(telegram).catch(() => undefined), 50);
  await until(() => live.output.stdout.split("\n").length > 3, "three telegrams").finally(() =>
    clearInterval(speaking),
  );
  assert.equal(await live.stop(), 0, live.output.stderr);
  await cable.close();
  const printed = live.output.stdout.trim().split("\n");
  const first = JSON.parse(printed[0]!) as Record<string, unknown>;
  const { importWh, exportWh } = EXAMPLE_STATE;
  const sum = (tariffs: readonly number[]): number => tariffs.reduce((total, energy) => total + energy, 0);
  assert.deepEqual([first["importWh"], first["exportWh"]], [sum(importWh), sum(exportWh)]);
  assert.equal(first["meter"], "dry-run");
  assert.equal(statSync(record).mode & 0o077, 0, "a recording is the household's own");

  const again = await run(["--port", "none", "--kind", "p1", "--replay", record, "--dry-run", "--json"]);
  assert.equal(again.code, 0, again.stderr);
  // Times are those of the recording.
  const lines = again.stdout.trim().split("\n").slice(0, printed.length);
  const values = (line: string): unknown => (JSON.parse(line) as Record<string, unknown>)["values"];
  assert.deepEqual(lines.map(values), printed.map(values));
  const time = (line: string): number => (JSON.parse(line) as { time: number }).time;
  for (const [i, line] of lines.entries()) assert.ok(Math.abs(time(line) - time(printed[i]!)) < 1);

  const words = await run(["--port", "none", "--kind", "p1", "--replay", record, "--dry-run"]);
  assert.match(words.stdout, /^\d\d:\d\d:\d\d {2}dry-run {2}importWh \d+ .*values\n/);
  const taken = await run(["--port", "none", "--kind", "p1", "--record", record, "--dry-run"]);
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, /--record .*p1\.jsonl: this file is there already/);
});

test("other meters are printed the same way, and a recording says of which kind it is", async () => {
  const bytes = Buffer.from(smlTelegram("plain", EXAMPLE_STATE)).toString("hex");
  const file = join(ROOT, "sml.jsonl");
  const head = { recording: "wattveil", version: 1, port: "/dev/ttyUSB1", kind: "sml", start: 1_800_000_000 };
  writeFileSync(file, `${JSON.stringify(head)}\n${JSON.stringify({ at: 1.5, hex: bytes })}\n`);
  const played = await run(["--port", "none", "--replay", file, "--dry-run", "--json"]);
  assert.equal(played.code, 0, played.stderr);
  const { time, protocol } = JSON.parse(played.stdout) as Record<string, unknown>;
  assert.deepEqual([time, protocol], [1_800_000_001.5, "sml"]);
  const other = await run(["--port", "none", "--kind", "p1", "--replay", file, "--dry-run"]);
  assert.deepEqual([other.code, other.stderr], [2, "--replay: this is a recording of sml, not of p1\n"]);
  writeFileSync(file, `${JSON.stringify(head)}\n{"at": 1, "hex": "0"}\n`);
  const broken = await run(["--port", "none", "--replay", file, "--dry-run"]);
  assert.equal(broken.code, 1);
  assert.match(broken.stderr, /sml\.jsonl: line 2 is no part of a recording/);
  const none = await run(["--port", "none", "--replay", "package.json", "--dry-run"]);
  assert.match(none.stderr, /package\.json: this is no recording of a gateway/);
});

test("--replay without --dry-run hands a recording to the meter's agent at its own times, once, with or without a broker", async () => {
  const data = join(ROOT, "replayed");
  await enrol({ data, meters: [{ meter: "m-001", feeder: "f-1" }], simulation: false });
  const file = join(ROOT, "registers.jsonl");
  const start = 1_800_000_000;
  const head = { recording: "wattveil", version: 1, port: "/dev/ttyUSB0", kind: "p1", start };
  const lines = Array.from({ length: 70 }, (_, i) => {
    const state = { ...EXAMPLE_STATE, time: start + 30 * i, importWh: [5_000_000 + 10 * i, 0], exportWh: [0, 0] };
    return { at: 30 * i, hex: Buffer.from(p1Telegram("dsmr5", state)).toString("hex") };
  });
  writeFileSync(file, [head, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(""));
  const args = ["--port", "none", "--meter", "m-001", "--replay", file, "--data", data, "--set", "broker.tlsPort=9"];
  const slots = [0, 1].map((slot) => ({ slotStart: start + 900 * slot, energyWh: 300 }));
  for (const time of ["first", "second"]) {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout + stderr, /5000\d\d\d/, "no register is printed");
    const readings = ownReadings(data, "m-001", 900).map(({ slotStart, energyWh }) => ({ slotStart, energyWh }));
    assert.deepEqual(readings, slots, time);
  }
  writeFileSync(file, `${JSON.stringify({ ...head, kind: "wattveil" })}\n`);
  const sealed = await run(args);
  assert.equal(sealed.code, 2);
  assert.match(sealed.stderr, /a recording of wattveil can only be looked at/);
});

test("wrong use is told in one line that names the flag", async () => {
  const cases: [string[], RegExp][] = [
    [["--port", "x", "--kind", "p1"], /^--meter is missing\n$/],
    [["--keep-keys", "--port", "x", "--kind", "p1", "--meter", "m-1"], /^--keep-keys: only with provision\n$/],
    [["provision", "--port", "x", "--meter", "m-1"], /^--pulses-per-kwh is missing\n$/],
    [
      ["provision", "--port", "x", "--meter", "m-1", "--pulses-per-kwh", "9", "--checkpoint", "5"],
      /^--checkpoint: expected a whole number from 16 to 255, got 5\n$/,
    ],
    [["released"], /^homeAssistant\.url is empty/],
    [["listen"], /^listen: expected provision, released or nothing\n$/],
  ];
  for (const [args, text] of cases) {
    const { code, stderr } = await run(args);
    assert.deepEqual([code, text.test(stderr)], [2, true], `${args.join(" ")}: ${stderr}`);
  }
});

test("a meter that is not enrolled here stops the gateway and says so, a port that is not there is waited for", async () => {
  const stranger = await run(["--port", join(ROOT, "no-port"), "--kind", "p1", "--meter", "m-404"]);
  assert.equal(stranger.code, 2);
  assert.match(stranger.stderr, /m-404/);
  const absent = start(["--port", join(ROOT, "no-port"), "--kind", "p1", "--dry-run"]);
  await until(() => absent.output.stderr.includes("no such port"), "a word on the port");
  assert.equal(await absent.stop(), 0);
  assert.equal(absent.output.stderr.split("no such port").length, 2, "told once");
  assert.match(readFileSync(join(ROOT, "logs", "system.log"), "utf8"), /port-missing/);
});
