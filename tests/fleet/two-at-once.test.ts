/**
 * A fleet that is not alone: killed while it starts, with a second one in its folder, and with the commands that a
 * waiting fleet is there for.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, test } from "node:test";
import Database from "better-sqlite3";
import {
  pressCtrlC,
  processesOf,
  query,
  runFleet,
  startCommand,
  startFleet,
  temporaryFolder,
} from "./testing/command.ts";

const SMALL = ["--meters", "10", "--feeders", "2", "--set", "system.slotSeconds=3600", "--set", "release.minSlots=4"];

describe("a fleet and others", { concurrency: 3 }, () => {
  test("kill -9 while the meters connect leaves no process behind, and no lock", async (t) => {
    const folder = temporaryFolder(t);
    const run = startFleet(folder, SMALL);
    await run.printed(/connecting the meters/);
    const lock = new Database(join(folder, "data", "fleet", "lock.db"), { readonly: true });
    process.kill(Number(lock.pragma("user_version", { simple: true })), "SIGKILL");
    lock.close();
    await run.result;
    // They are told by the kernel, and end in order; the test's time is limit enough.
    while (processesOf(folder).length > 0) await delay(50);
    const again = await runFleet(folder, [...SMALL, "--json"]);
    assert.equal(again.code, 0, again.stderr + again.stdout);
  });

  test("too few aggregators are told first, and the wait for results has an end that is told", async (t) => {
    const folder = temporaryFolder(t);
    const few = ["--without-aggregators", "2,3", "--set", "simulation.patienceSeconds=0.5"];
    const { code, stdout, stderr } = await runFleet(folder, [...SMALL, ...few]);
    assert.equal(code, 1, stderr + stdout);
    assert.match(
      stderr,
      /1 of 3 aggregators runs, and 2 are needed for any total.*waits 3 s for results(.|\n)*enrolling/,
    );
    assert.match(stderr, /Waiting for results; gives up after 3 s without a new one/);
    assert.match(stdout, /bills +│ 0 final; 10 of 10 are not there yet/);
  });

  test("while a fleet keeps running its clock is there for changes of meters, and yields to other meters", async (t) => {
    const folder = temporaryFolder(t);
    const run = startFleet(folder, [...SMALL, "--keep-running"]);
    t.after(() => pressCtrlC(run));
    await run.printed(/Ctrl-C stops it/);
    const config = join(folder, "data", "fleet", "config.yaml");
    const enrol = (...args: string[]) => startCommand("enrol", folder, [...args, "--config", config]).result;

    const second = await runFleet(folder, SMALL);
    assert.equal(second.code, 2);
    assert.match(second.stderr, /data is in use by a running fleet \(pid \d+\)/);

    const added = await enrol("add", "--meter", "m-011", "--feeder", "f-1");
    assert.equal(added.code, 0, added.stderr);
    const meters = startCommand("meters", folder, ["--meters", "10", "--duration", "6", "--interval", "0.5", "--json"]);
    const figures = await meters.result;
    assert.equal(figures.code, 0, figures.stderr);
    const { slots, gaps, refused } = JSON.parse(figures.stdout) as Record<string, number>;
    assert.ok(slots !== undefined && slots >= 8, figures.stdout);
    assert.deepEqual({ gaps, refused }, { gaps: 0, refused: 0 });
    const rekeyed = await enrol("rekey", "--meter", "m-011");
    assert.equal(rekeyed.code, 0, rekeyed.stderr);
    const revoked = await enrol("revoke", "--meter", "m-011");
    assert.equal(revoked.code, 0, revoked.stderr);
    assert.equal(query(folder, "SELECT 1 FROM bills WHERE status = 'final'").length, 10);

    pressCtrlC(run);
    const { stdout, stderr } = await run.result;
    assert.match(stdout, /bills +│ 10, exact to the watt-hour/, stderr);
    assert.deepEqual(processesOf(folder), []);
  });
});
