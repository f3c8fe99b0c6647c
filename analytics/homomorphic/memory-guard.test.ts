import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryGuard } from "./memory-guard.ts";

const MIB = 2 ** 20;

function guardAt(usage: { mib: number; after: number }) {
  let polls = 0;
  let finish: (() => void) | undefined;
  const guard = new MemoryGuard({
    limitBytes: 100 * MIB,
    used: () => usage.mib * MIB,
    inThreads: () => 7 * MIB,
    renew: () =>
      new Promise((resolve) => {
        finish = () => {
          usage.mib = usage.after;
          resolve();
        };
      }),
    renewed: () => (polls += 1),
  });
  return {
    guard,
    polls: () => polls,
    finish: async () => {
      finish?.();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test("a job starts within the limit, and waits for others above it", () => {
  const { guard } = guardAt({ mib: 100, after: 0 });
  assert.deepEqual(guard.admit(0), { start: true });
  const above = guardAt({ mib: 101, after: 0 }).guard;
  assert.deepEqual(above.admit(1), { start: false, refusal: undefined });
  assert.equal(above.renewals, 0);
});

test("above the limit the threads are renewed, once, and jobs wait for that", async () => {
  const { guard, finish, polls } = guardAt({ mib: 300, after: 90 });
  assert.deepEqual(guard.admit(0), { start: false, refusal: undefined });
  assert.deepEqual(guard.admit(0), { start: false, refusal: undefined });
  assert.equal(guard.renewals, 1);
  await finish();
  assert.equal(polls(), 1);
  assert.deepEqual(guard.admit(0), { start: true });
});

test("a job is refused where new threads do not help, and the next one is tried again", async () => {
  const { guard, finish } = guardAt({ mib: 300, after: 250 });
  guard.admit(0);
  await finish();
  const admission = guard.admit(0);
  assert.ok(!admission.start);
  assert.equal(
    admission.refusal,
    "analytics.maxMemoryMiB: the process takes 250 MiB, 7 of them in threads; it may take 100",
  );
  assert.deepEqual(guard.admit(0), { start: false, refusal: undefined });
  assert.equal(guard.renewals, 2);
});
