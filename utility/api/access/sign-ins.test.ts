import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { testPlace } from "../../../config/runtime/testing/store-place.ts";
import { AccessStore } from "./access-store.ts";
import { NETWORK_FAILURES, type SignIns } from "./sign-ins.ts";

const NOW = 1_800_000_000;
const DAY = 86_400;

function openStore(t: TestContext): AccessStore {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-sign-ins-"));
  const store = AccessStore.open(testPlace(path.join(folder, "api.db")));
  t.after(() => {
    store.close();
    rmSync(folder, { recursive: true });
  });
  store.addAccount({ name: "anna", role: "customer", meters: [], disabled: false, createdAt: NOW }, "hash");
  return store;
}

const signIns = (t: TestContext): SignIns => openStore(t).signIns;

/** Seconds to wait; 0: the attempt is made, and fails. */
const wait = (one: SignIns, name: string, network: string, at: number): number => {
  const begun = one.begin(name, network, at);
  return "waitSeconds" in begun ? begun.waitSeconds : 0;
};

test("a network that fails waits; the same name from elsewhere does not", (t) => {
  const one = signIns(t);
  for (let i = 0; i < NETWORK_FAILURES; i++) assert.equal(wait(one, "anna", "10.0.0.1", NOW + i), 0);
  assert.equal(wait(one, "anna", "10.0.0.1", NOW + 100), 800);
  assert.equal(wait(one, "anna", "10.0.0.2", NOW + 100), 0);
  assert.equal(wait(one, "bert", "10.0.0.1", NOW + 100), 0);
  assert.equal(wait(one, "anna", "10.0.0.1", NOW + 900), 0, "the first failure counts no more");
  assert.notEqual(wait(one, "anna", "10.0.0.1", NOW + 900), 0, "the second does");
});

test("guesses from a thousand networks share a wait that grows to an hour: about a hundred a day, then one an hour", (t) => {
  const one = signIns(t);
  let [at, tries, longest] = [NOW, 0, 0];
  while (at < NOW + DAY) {
    const seconds = wait(one, "anna", `10.0.${tries % 1_000}.1`, at);
    if (seconds === 0) tries += 1;
    else {
      longest = Math.max(longest, seconds);
      at += seconds;
    }
  }
  assert.ok(tries >= 90 && tries <= 130, `${tries} tries`);
  assert.equal(longest, 3_600);
  // Names that nobody has are treated alike.
  let unknown = 0;
  while (wait(one, "nobody", `10.0.${unknown}.1`, NOW) === 0) unknown += 1;
  assert.equal(unknown, 30);
});

test("a network that signed in before never waits for strangers, and its own slips are forgotten once it is right", (t) => {
  const one = signIns(t);
  const home = "192.0.2.7";
  for (let i = 0; i < 5; i++) one.begin("anna", home, NOW);
  one.succeeded("anna", home, NOW);
  let guesses = 0;
  while (wait(one, "anna", `10.0.0.${guesses}`, NOW + 1) === 0) guesses += 1;
  assert.equal(guesses, 30);
  for (let i = 0; i < NETWORK_FAILURES; i++) assert.equal(wait(one, "anna", home, NOW + 2), 0);
  assert.equal(wait(one, "anna", home, NOW + 2), 900);
  one.forget(NOW + 91 * DAY);
  guesses = 0;
  while (wait(one, "anna", `10.0.0.${guesses}`, NOW + 91 * DAY) === 0) guesses += 1;
  assert.notEqual(wait(one, "anna", home, NOW + 91 * DAY), 0, "after months it is a stranger again");
});

test("an attempt counts before its password is looked at: many at the same moment are not one", (t) => {
  const one = signIns(t);
  const begun = Array.from({ length: 100 }, () => one.begin("anna", "10.0.0.1", NOW));
  assert.equal(begun.filter((attempt) => "id" in attempt).length, NETWORK_FAILURES);
});

test("a clock that was a year ahead shuts nobody out afterwards, and leaves no session and no token that never ends", (t) => {
  const store = openStore(t);
  const one = store.signIns;
  const ahead = NOW + 365 * DAY;
  for (let i = 0; i < NETWORK_FAILURES; i++) assert.equal(wait(one, "anna", "10.0.0.1", ahead), 0);
  for (let i = 0; i < 30; i++) wait(one, "anna", `10.1.0.${i}`, ahead);
  one.succeeded("anna", "192.0.2.7", ahead);
  const hash = Buffer.from("secret");
  const limits = { idleSeconds: DAY, maxSeconds: 7 * DAY };
  assert.ok(store.beginSession(hash, "anna", "hash", ahead) !== undefined);
  store.tokens.add(hash, { account: "anna", label: "x", expiresAt: ahead + 90 * DAY }, ahead);
  assert.ok(store.sessionAccount(hash, ahead, limits) !== undefined && store.tokenAccount(hash, ahead) !== undefined);

  assert.equal(wait(one, "anna", "10.0.0.1", NOW), 0);
  one.succeeded("anna", "192.0.2.7", NOW);
  for (let i = 0; i < 40; i++) wait(one, "anna", `10.2.0.${i}`, NOW + 1);
  assert.equal(wait(one, "anna", "192.0.2.7", NOW + 2), 0, "known since now");
  for (const at of [NOW, NOW + 300 * DAY]) {
    assert.equal(store.sessionAccount(hash, at, limits), undefined);
    assert.equal(store.tokenAccount(hash, at), undefined);
  }
  store.forgetEnded(NOW, limits);
  assert.deepEqual(store.tokens.of("anna"), []);
});

test("the moment of a question is seldom a whole second", (t) => {
  const store = openStore(t);
  const times = { idleSeconds: 100, maxSeconds: 1_000 };
  const hash = Buffer.from("h");
  assert.equal(store.beginSession(hash, "anna", "hash", NOW)?.name, "anna");
  store.tokens.add(hash, { account: "anna", label: "x", expiresAt: NOW + 50 }, NOW);
  for (const [after, session, token] of [
    [0.25, "anna", "anna"],
    [49.75, "anna", "anna"],
    [50.25, "anna", undefined],
    [1_000.5, undefined, undefined],
  ] as const) {
    assert.equal(store.sessionAccount(hash, NOW + after, times, false)?.name, after > 100 ? undefined : session);
    assert.equal(store.tokenAccount(hash, NOW + after, false)?.name, token);
  }
  assert.equal("id" in store.signIns.begin("anna", "::", NOW + 0.5), true);
  store.forgetEnded(NOW + 2_000.5, times);
  assert.equal(store.tokens.of("anna").length, 0);
});
