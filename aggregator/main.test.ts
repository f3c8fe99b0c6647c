/** The aggregator as a process: who it says is missing, and what becomes of a second one with the same index. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol, meterList } from "../config/enrolment/index.ts";
import { openParty } from "../config/keys/index.ts";
import { startTestBroker } from "../config/runtime/testing/broker.ts";
import type { TestBroker } from "../config/runtime/testing/broker.ts";
import { Processes, type Run } from "./testing/processes.ts";

const root = mkdtempSync(join(tmpdir(), "wattveil-aggregator-main-"));
const data = join(root, "data");
let broker: TestBroker;
const processes = new Processes();

before(async () => {
  await enrol({ data, meters: meterList(2, 1) });
  broker = await startTestBroker(openParty(join(data, "keys", "broker")).tls);
});
after(async () => {
  processes.kill();
  await broker.close();
  rmSync(root, { recursive: true, force: true });
});

function start(index: number, folder: string, more: readonly string[] = []): Run {
  const settings = [`paths.logs=${join(root, "logs")}`, `broker.tlsPort=${broker.port}`, "link.takeovers=3"];
  return processes.start(["--id", String(index), "--data", folder, ...more], settings);
}

test("says in one line that it is not enrolled", async () => {
  const { code, said } = await start(4, data).ended;
  assert.equal(code, 2);
  assert.match(said, /^a-4 is not enrolled here \(no .*keys\/a-4\); `npm run enrol -- list` shows who is\n$/);
});

test("one of several workers says what it lacks, or what its number must be", async () => {
  const without = await start(1, data, ["--worker", "1"]).ended;
  assert.equal(without.code, 2);
  assert.match(without.said, /^--worker: several workers share a database on PostgreSQL; set storage\.url\n$/);
  for (const [number, shown] of [
    ["0", '"0"'],
    ["33", '"33"'],
    ["two", '"two"'],
  ] as const) {
    const wrong = await start(1, data, ["--worker", number]).ended;
    assert.equal(wrong.code, 2);
    assert.equal(wrong.said, `--worker: expected a number from 1 to 32, got ${shown}\n`);
  }
});

test("a second one in the same folder says that the database is in use, and leaves the first one alone", async () => {
  const first = start(1, data);
  await first.ready;
  const second = await start(1, data).ended;
  assert.equal(second.code, 1);
  assert.match(second.said, /^.*a-1\/aggregator\.db is in use by another process; stop that one first\n$/);
  first.child.kill("SIGTERM");
  assert.equal((await first.ended).code, 0);
});

test("the database of another aggregator is refused, and told whose it is", async () => {
  const moved = join(root, "moved");
  cpSync(join(data, "keys"), join(moved, "keys"), { recursive: true });
  const first = start(3, moved);
  await first.ready;
  first.child.kill("SIGTERM");
  await first.ended;
  cpSync(join(moved, "a-3"), join(moved, "a-1"), { recursive: true });
  const { code, said } = await start(1, moved).ended;
  assert.equal(code, 1);
  assert.match(said, /^.*a-1\/aggregator\.db is the database of a-3, not of a-1; put back the right one\n$/);
});

test("of two with the same keys in different folders one stops and says why, and the other one goes on", async () => {
  const copy = join(root, "copy");
  cpSync(join(data, "keys"), join(copy, "keys"), { recursive: true });
  const runs = [start(2, data), start(2, copy)];
  const gone = await Promise.race(runs.map(async (run) => ({ run, ...(await run.ended) })));
  assert.equal(gone.code, 1);
  const last = gone.said.trimEnd().split("\n").at(-1)!;
  assert.match(
    last,
    /^another process runs with the keys of a-2 at the broker 127\.0\.0\.1:\d+ .*: stop one of the two$/,
  );
  const other = runs.find((run) => run !== gone.run)!;
  assert.equal(other.child.exitCode, null);
  await other.ready;
  other.child.kill("SIGTERM");
  assert.equal((await other.ended).code, 0);
});
