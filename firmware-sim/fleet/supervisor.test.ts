import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Supervisor } from "./supervisor.ts";

function isDead(pid: number): boolean {
  const threads = readdirSync(`/proc/${pid}/task`).length;
  return threads === 1 && readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
}

test("a process that is killed is started again once, and what was sent to it meanwhile is no further restart", async (t) => {
  const events = new EventEmitter();
  const reasons: string[] = [];
  const supervisor = new Supervisor({
    restarted: (_name, reason) => {
      reasons.push(reason);
      events.emit("restarted");
    },
    message: () => events.emit("message"),
  });
  t.after(() => supervisor.stopAll());
  await supervisor.start({ name: "one", entry: "config/runtime/testing/skewed-main.ts", args: [] });
  const first = supervisor.processId("one");
  const ended = once(events, "restarted");
  supervisor.kill("one");
  // It is dead as soon as all its threads are, and its channel does not know it yet.
  while (!isDead(first ?? 0)) {}
  supervisor.send("one", { type: "ask" });
  await ended;
  const answered = once(events, "message");
  const asking = setInterval(() => supervisor.send("one", { type: "ask" }), 50);
  await answered;
  clearInterval(asking);
  assert.deepEqual(reasons, ["SIGKILL"]);
  assert.equal(supervisor.restarts("one"), 1);
  assert.notEqual(supervisor.processId("one"), first);
});
