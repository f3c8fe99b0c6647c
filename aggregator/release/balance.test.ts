/** Who may be missing from a balance: nobody. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { KINDS } from "../../protocol/units.ts";
import { assertQuestion, SetError } from "../rounds/layout.ts";
import { History, type HistoryOptions } from "./testing/history.ts";

const METERS = 7;
const HEAD = 6;
/** Meter 0 feeds back. */
const feedsBack = (meter: number): boolean => meter === 0;

/** With the loads of four slots, over all homes there are. */
function historyOf(t: { after: (work: () => void) => void }, changes: Partial<HistoryOptions> = {}): History {
  const history = unloaded(t, changes);
  const { belongs } = changes;
  history.ask(history.load([0, 4], (meter, slot) => meter !== HEAD && (belongs?.(meter, slot) ?? true)));
  return history;
}

function unloaded(t: { after: (work: () => void) => void }, changes: Partial<HistoryOptions> = {}): History {
  const folder = mkdtempSync(path.join(tmpdir(), "balance-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return new History(folder, {
    ...{ meters: METERS, minMeters: 5, minSlots: 4, head: HEAD, exports: feedsBack },
    ...changes,
  });
}

/** As it should be: every home's import, the export of those who feed back, both of the head. */
function complete(meter: number, _slot: number, kind: number): boolean {
  if (meter === HEAD) return kind === KINDS.head || kind === KINDS.headExport;
  return kind === KINDS.import || (kind === KINDS.export && feedsBack(meter));
}

function refusal(history: History, has: typeof complete, range: [number, number] = [0, 2]) {
  const error = history.ask(history.balance(range, has));
  return error && { code: error.code, where: error.where };
}

test("a balance of everyone is endorsed, once", (t) => {
  const history = historyOf(t);
  assert.equal(refusal(history, complete), undefined);
  assert.deepEqual(refusal(history, complete, [1, 3]), { code: "already-released", where: [0, 1, 2, 3] });
  assert.equal(refusal(history, complete, [2, 3]), undefined);
});

test("a home without its reading, or without what it feeds back, would be seen: refused, with the slot", (t) => {
  const history = historyOf(t);
  const without =
    (missing: number, of: number): typeof complete =>
    (meter, slot, kind) =>
      complete(meter, slot, kind) && !(meter === missing && slot === 1 && kind === of);
  const where = [4, 5, 6, 7];
  assert.deepEqual(refusal(history, without(3, KINDS.import)), { code: "incomplete-balance", where });
  assert.deepEqual(refusal(history, without(0, KINDS.export)), { code: "incomplete-balance", where });
  assert.deepEqual(refusal(history, without(HEAD, KINDS.head)), { code: "incomplete-balance", where });
  // The other slot alone is good.
  assert.equal(refusal(history, complete, [0, 1]), undefined);
});

test("what the load of the slot lacks, a balance would give to whoever knows the head's reading: refused", (t) => {
  const history = unloaded(t);
  assert.equal(history.ask(history.load([0, 1], (meter) => meter !== HEAD && meter !== 2)), undefined);
  assert.equal(history.ask(history.load([1, 2], (meter) => meter !== HEAD)), undefined);
  // Of slot 0 the load lacks a home, of slot 2 there is none that could be held against it later.
  const where = [0, 1, 2, 3, 8, 9, 10, 11];
  assert.deepEqual(refusal(history, complete, [0, 3]), { code: "incomplete-balance", where });
  assert.equal(refusal(history, complete, [1, 2]), undefined);
});

test("a home that was left out of the question altogether is missing, too", (t) => {
  const history = historyOf(t);
  const set = history.balance([0, 1], complete);
  const shorter = { ...set, meters: set.meters.filter((meter) => meter !== "m-3") };
  const units = set.units.map(([bitmap, digest]): [Uint8Array, Uint8Array] => {
    const bits = [...Array(METERS).keys()].filter((meter) => (bitmap[0]! & (1 << meter)) !== 0 && meter !== 3);
    return [Uint8Array.of(bits.reduce((sum, meter) => sum | (1 << (meter > 3 ? meter - 1 : meter)), 0)), digest];
  });
  const judged = history.judge({ ...shorter, units });
  assert.ok(judged instanceof SetError && judged.code === "incomplete-balance");
});

test("whoever moves away is in the balance until then, and not after", (t) => {
  const history = historyOf(t, { belongs: (meter, slot) => meter !== 5 || slot < 1 });
  assert.deepEqual(refusal(history, complete), { code: "unknown-member", where: [4] });
  assert.equal(
    refusal(history, (meter, slot, kind) => complete(meter, slot, kind) && !(meter === 5 && slot === 1)),
    undefined,
  );
});

test("fewer than k homes have no balance", (t) => {
  const history = historyOf(t, { minMeters: 7 });
  assert.deepEqual(refusal(history, complete, [0, 1]), { code: "too-few-meters", where: [0, 1, 2, 3] });
});

test("a customer's meter is no head, whatever it is called, and a head is no customer", (t) => {
  const history = historyOf(t);
  const asHead: typeof complete = (meter, slot, kind) =>
    meter === 3 ? kind === KINDS.import || kind === KINDS.head : meter !== HEAD && complete(meter, slot, kind);
  assert.deepEqual(refusal(history, asHead, [0, 1]), { code: "unknown-member", where: [2] });
  assert.equal(history.judge(history.load([4, 5])) instanceof SetError, true, "the head is in a load");
  assert.equal(history.ask(history.load([4, 5], (meter) => meter !== HEAD)), undefined);
  const bill = history.judge(history.bill([[0, 8]]));
  assert.ok(bill instanceof SetError && bill.code === "unknown-member");
  assert.equal(history.ask(history.bill([[0, 8]], (meter) => meter !== HEAD)), undefined);
});

test("a question asks for the kinds of its purpose, and a balance for all of its own", (t) => {
  const { balance, load, bill } = ((history) => ({
    balance: history.balance([0, 1], complete),
    load: history.load([0, 1]),
    bill: history.bill([[0, 4]]),
  }))(historyOf(t));
  for (const [question, kinds] of [
    [load, [KINDS.head]],
    [bill, [KINDS.import, KINDS.headExport]],
    [balance, [KINDS.import, KINDS.head]],
    [balance, [KINDS.head, KINDS.headExport]],
    [balance, [KINDS.import, KINDS.export, KINDS.catchup, KINDS.head]],
  ] as const) {
    assert.throws(() => assertQuestion({ ...question, kinds: [...kinds] }), /^SetError: kinds: /);
  }
});
