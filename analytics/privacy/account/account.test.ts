import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { epsilonAt, ORDERS, rdpVector } from "../rdp/accountant.ts";
import { gaussianRdp } from "../rdp/gaussian.ts";
import { PrivacyAccount } from "./account.ts";
import type { AccountError } from "./errors.ts";
import { openAccountDatabase } from "./open.ts";
import { roundOf, TERMS } from "./testing/bed.ts";

function fileOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "privacy-account-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "privacy.db");
}

async function openAccount(t: TestContext, file = fileOf(t), terms = TERMS): Promise<PrivacyAccount> {
  const db = await openAccountDatabase(file);
  t.after(() => db.destroy());
  return await PrivacyAccount.open(db, terms);
}

test("releases add up as Renyi divergence, not as epsilons", async (t) => {
  const account = await openAccount(t);
  const spent = await account.spend(roundOf("round-1", ["m-1", "m-2"]), 1_000);
  await account.spend({ ...roundOf("hist-1", ["m-1"], 3), kind: "noised-histogram" }, 1_001);
  const { epsilon, left, entries, order } = await account.statement("m-1");
  const together = rdpVector((a) => gaussianRdp({ noise: 2 }, a) + gaussianRdp({ noise: 3 }, a));
  assert.ok(Math.abs(epsilon - epsilonAt(together, 1e-5).epsilon) < 1e-12 && ORDERS.includes(order));
  assert.ok(Math.abs(left - (4 - epsilon)) < 1e-12);
  assert.deepEqual(
    entries.map(({ id, kind, released }) => [id, kind, released]),
    [
      ["round-1", "model-round", false],
      ["hist-1", "noised-histogram", false],
    ],
  );
  assert.ok(epsilon < entries.reduce((sum, entry) => sum + entry.epsilon, 0));
  assert.equal((await account.statement("m-2")).epsilon, spent.epsilon);
  assert.deepEqual((await account.statement("m-9")).epsilon, 0);
});

test("what would exceed the budget of one household is refused for all, and the message says what is left", async (t) => {
  const account = await openAccount(t);
  await account.spend(roundOf("round-1", ["m-1"]), 1);
  await account.spend(roundOf("round-2", ["m-1"]), 2);
  const third = roundOf("round-3", ["m-1", "m-2"]);
  const { left } = await account.statement("m-1");
  await assert.rejects(account.spend(third, 3), (error: AccountError) => {
    assert.equal(error.code, "exhausted");
    assert.deepEqual(error.households, ["m-1"]);
    assert.match(
      error.message,
      /^release round-3: exceeds epsilon 4 at delta 0.00001: m-1 has \d\.\d{4} left and would come to \d\.\d{4}$/,
    );
    assert.ok(error.message.includes(`${left.toFixed(4)} left`));
    return true;
  });
  assert.equal((await account.statement("m-2")).entries.length, 0);
  assert.deepEqual(await account.canAfford(["m-1", "m-2"], third.rdp), ["m-2"]);
  assert.equal((await account.spend(roundOf("round-3", ["m-2"]), 3)).fresh, true);
  assert.ok((await account.statement("m-1")).epsilon <= 4);
});

test("noise is not made for a release that is refused", async (t) => {
  const account = await openAccount(t);
  let made = 0;
  const noised = (): Uint8Array => Uint8Array.of(++made);
  await assert.rejects(account.spend({ ...roundOf("loud", ["m-1"], 0.2), noised }, 1), /exceeds epsilon 4/);
  assert.equal(made, 0);
  assert.deepEqual(await account.pending(), []);
});

test("a name is paid for once, its noise is drawn once, and it cannot stand for anything else", async (t) => {
  const account = await openAccount(t);
  let made = 0;
  const noised = (): Uint8Array => Uint8Array.of(++made);
  const release = { ...roundOf("round-1", ["m-2", "m-1"]), noised };
  const first = await account.spend(release, 1);
  const again = await account.spend({ ...release, households: ["m-1", "m-2", "m-1"] }, 2);
  assert.deepEqual([first.fresh, again.fresh, made], [true, false, 1]);
  assert.deepEqual([...(again.payload ?? [])], [1]);
  assert.equal((await account.statement("m-1")).epsilon, first.epsilon);
  await assert.rejects(account.spend({ ...release, households: ["m-1"] }, 3), /paid for before, for other households/);
  await assert.rejects(account.spend(roundOf("round-1", ["m-1", "m-2"], 5), 3), /paid for before, at another cost/);
  await assert.rejects(account.spend({ ...release, kind: "noised-load" }, 3), /paid for before, as model-round/);
  await assert.rejects(
    account.recordExact({ id: "round-1", about: "x", households: ["m-1"] }, 3),
    /paid for as model-round/,
  );
  await account.markReleased("round-1", 4);
  await account.markReleased("round-1", 5);
  assert.equal((await account.spend(release, 6)).released, true);
  await assert.rejects(account.markReleased("round-9", 4), /release round-9 was never paid for/);
});

test("many at the same time spend one after the other, and none beyond the budget", async (t) => {
  const account = await openAccount(t);
  const attempts = Array.from({ length: 6 }, (_, i) => account.spend(roundOf(`round-${i}`, ["m-1"]), i));
  const results = await Promise.allSettled(attempts);
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 2);
  assert.equal((await account.statement("m-1")).entries.length, 2);
});

test("killed before the payment is durable: nothing is spent; after it: once, with the same noise", async (t) => {
  const file = fileOf(t);
  const dies = async (when: string): Promise<void> => {
    const program = join(import.meta.dirname, "testing", "dies-main.ts");
    const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), program, file, when], {
      stdio: "inherit",
    });
    const [, signal] = (await once(child, "exit")) as [number | null, string | null];
    assert.equal(signal, "SIGKILL");
  };
  await dies("before");
  const untouched = await openAccount(t, file);
  assert.equal((await untouched.statement("m-1")).epsilon, 0);
  assert.deepEqual(await untouched.pending(), []);
  await dies("after");
  const account = await openAccount(t, file);
  const [left] = await account.pending();
  assert.deepEqual([left?.id, ...(left?.payload ?? [])], ["round-1", 4, 2]);
  const noised = (): Uint8Array => assert.fail("drawn again");
  const again = await account.spend({ ...roundOf("round-1", ["m-1", "m-2"]), noised }, 2_000);
  assert.deepEqual([again.fresh, again.released, ...(again.payload ?? [])], [false, false, 4, 2]);
  const once1 = epsilonAt({ orders: ORDERS, rdp: roundOf("x", ["m-1"]).rdp }, 1e-5).epsilon;
  assert.equal((await account.statement("m-1")).epsilon, once1);
  await account.markReleased("round-1", 2_001);
  assert.deepEqual(await account.pending(), []);
});

test("exact releases are listed beside the account as not covered", async (t) => {
  const account = await openAccount(t);
  const exact = { id: "load-f-1-100", about: "load of f-1, slot 100", households: ["m-1", "m-2"] };
  await account.recordExact(exact, 50);
  await account.recordExact(exact, 60);
  const { epsilon, notCovered, entries } = await account.statement("m-2");
  assert.deepEqual([epsilon, entries], [0, []]);
  assert.deepEqual(notCovered, [{ id: "load-f-1-100", about: "load of f-1, slot 100", at: 50 }]);
  const { households, budget } = await account.export();
  assert.deepEqual([households.map(({ household }) => household), budget], [["m-1", "m-2"], TERMS]);
  assert.doesNotThrow(() => JSON.stringify(households));
});

test("an account keeps the terms that it was opened with, and refuses what is no release", async (t) => {
  const file = fileOf(t);
  const account = await openAccount(t, file);
  await assert.rejects(
    openAccount(t, file, { epsilon: 9, delta: 1e-5 }),
    /opened for epsilon 4 at delta 0.00001, not 9/,
  );
  await assert.rejects(openAccount(t, fileOf(t), { epsilon: 0, delta: 1e-5 }), /epsilon: expected a number above 0/);
  const release = roundOf("r", ["m-1"]);
  await assert.rejects(account.spend({ ...release, households: [] }, 1), /households: expected at least one/);
  await assert.rejects(
    account.spend({ ...release, rdp: [1] }, 1),
    new RegExp(`rdp: expected ${ORDERS.length} numbers, got 1`),
  );
  await assert.rejects(
    account.spend({ ...release, rdp: ORDERS.map(() => -1) }, 1),
    /rdp: expected finite numbers from 0 on, got -1/,
  );
});
