import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { describeThreads, familyOf, listProcesses } from "./processes.ts";
import { whereItHangs } from "./where-it-hangs.ts";

const RUNS = /main thread "[^"]+": R/;
const WAITS = /main thread "[^"]+": S/;
const WAITS_FOR_THREAD = /main thread "[^"]+": S[^\n]*futex/;
const SAME_LOOKS = 10;
/** In milliseconds. */
const BETWEEN_LOOKS = 20;
const PATIENCE = 30_000;

/** A process that has come as far as the text says `up`. */
async function start(t: TestContext, text: string): Promise<ChildProcess & { readonly pid: number }> {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-hang-"));
  const file = join(folder, "hanging.mjs");
  writeFileSync(file, `process.debugPort = 0; process.send("up");\n${text}`);
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
  t.after(() => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  await once(child, "message");
  assert.ok(child.pid !== undefined);
  return child as ChildProcess & { readonly pid: number };
}

/**
 * Until its main thread stays as it is to be found: what a process does before is seen at times, not at every look. If it
 * never does, what is said of it shows how it is.
 */
async function settle(pid: number, as: RegExp): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (let looks = 0; looks < SAME_LOOKS && performance.now() < end; ) {
    const main = describeThreads(pid).find((line) => line.startsWith("main thread"));
    assert.ok(main !== undefined, "it has ended");
    looks = as.test(main) ? looks + 1 : 0;
    await delay(BETWEEN_LOOKS);
  }
}

describe("where a process hangs", { skip: process.platform !== "linux" }, () => {
  test("in a loop: the function and its line", async (t) => {
    const { pid } = await start(
      t,
      "setImmediate(function turnsForEver() {\n  for (let i = 0; ; i++) Math.sqrt(i);\n});",
    );
    await settle(pid, RUNS);
    const said = (await whereItHangs(pid)).join("\n");
    assert.match(said, new RegExp(`process ${pid}: .*hanging\\.mjs`));
    assert.match(said, RUNS);
    assert.match(said, /it runs, at:\n {2}turnsForEver \(file:.*hanging\.mjs:3:/);
  });

  test("waiting for ever: what its loop waits for", async (t) => {
    const { pid } = await start(
      t,
      'import { createServer } from "node:net"; createServer().listen(0); process.disconnect();',
    );
    await settle(pid, WAITS);
    const said = (await whereItHangs(pid)).join("\n");
    assert.match(said, WAITS);
    assert.match(said, /its loop waits for:\n[^]*"type":"tcp"[^]*resources: .*TCPServerWrap/);
  });

  test("waiting for another thread: the line that waits", async (t) => {
    const { pid } = await start(t, "setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));");
    await settle(pid, WAITS_FOR_THREAD);
    const said = (await whereItHangs(pid)).join("\n");
    assert.match(said, WAITS_FOR_THREAD);
    assert.match(said, /it runs, at:\n {2}\(anonymous\) \(file:.*hanging\.mjs:2:/);
  });

  test("inside node: that it does not answer, and what it waits for there", async (t) => {
    const text = 'import { spawnSync } from "node:child_process"; setImmediate(() => spawnSync("sleep", ["100"]));';
    const { pid } = await start(t, text);
    // Its loop is held up, so that it cannot tell.
    while (familyOf(pid, listProcesses()).every(({ command }) => command !== "sleep 100")) await turn();
    await settle(pid, WAITS);
    const said = (await whereItHangs(pid)).join("\n");
    familyOf(pid, listProcesses()).forEach(({ id }) => id !== pid && process.kill(id, "SIGKILL"));
    assert.match(said, WAITS);
    assert.match(said, /process \d+: sleep 100/);
    assert.match(said, /does not answer: the main thread waits inside node or an add-on/);
  });

  test("a process that it started is told as well, with the processor time of both", async (t) => {
    const inner = `spawn(process.execPath, ["-e", "setInterval(() => {}, 1e9); console.log(1)"])`;
    const text = `import { spawn } from "node:child_process"; ${inner}.stdout.once("data", () => process.send("child"));`;
    const child = await start(t, text);
    await once(child, "message");
    const family = familyOf(child.pid, listProcesses());
    t.after(() => family.forEach(({ id }) => id !== child.pid && process.kill(id, "SIGKILL")));
    assert.equal(family.length, 2);
    assert.ok(family.every(({ cpuSeconds }) => cpuSeconds > 0 && cpuSeconds < 60));
  });
});
