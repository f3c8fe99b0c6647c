import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { countMembers, hasMember } from "../../../protocol/bitmap.ts";
import { signCiphertextAck } from "../../../protocol/envelope/index.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { ACK_CODES } from "../../../protocol/messages/ack-codes.ts";
import { CiphertextRig, settle } from "./testing/ciphertext-rig.ts";

const presentIn = (presence: Uint8Array, slots: number): number =>
  Array.from({ length: slots }, (_, slot) => Number(hasMember(presence, slot))).reduce((a, b) => a + b, 0);

test("a day becomes a ciphertext that analytics stores and every aggregator vouches for, and leaves a record", async () => {
  const rig = new CiphertextRig();
  const { firstSlot, slots } = await rig.day("2025-01-15");
  await rig.tick();
  await rig.tick();
  assert.deepEqual(rig.codes(), ["made meter", "settled"]);
  assert.equal(rig.requests.length, 1);
  const { meter, set, level, cut, numbers } = rig.requests[0]!;
  assert.deepEqual([meter, set, level, cut, numbers.length, numbers[5]], ["m-001", "light", 2, true, 96, 100]);
  for (const [x, digests] of rig.digests) {
    assert.equal(digests.length, 1, `aggregator ${x}`);
    assert.deepEqual(
      [digests[0]!.firstSlot, digests[0]!.slots, presentIn(digests[0]!.presence, 96)],
      [firstSlot, 96, 96],
    );
  }
  const [record] = rig.records();
  assert.deepEqual(record!.answers, { analytics: "stored", "a-1": "stored", "a-2": "stored", "a-3": "stored" });
  assert.equal(record!.waiting, 0);
  assert.equal(rig.ciphertexts.unsettled, 0);
  const { n } = rig.database.prepare("SELECT count(sealed) AS n FROM ciphertexts").get() as { n: number };
  assert.equal(n, 0, "the bytes are deleted");
  assert.deepEqual([rig.connects, rig.closes, slots], [1, 1, 96], "the second connection is closed");
});

test("nothing is encrypted before the day is over, and only once", async () => {
  const rig = new CiphertextRig();
  const { firstSlot, slots } = await rig.day("2025-01-15");
  rig.time -= 1;
  await rig.tick();
  assert.equal(rig.requests.length, 0);
  rig.time += 1;
  await rig.tick();
  await rig.read(firstSlot + slots, [5]);
  await rig.tick();
  rig.restart();
  await rig.tick(5_000);
  assert.equal(rig.requests.length, 1);
});

test("days on which the clocks change have 92 and 100 slots", async () => {
  for (const [iso, slots] of [
    ["2025-03-30", 92],
    ["2025-10-26", 100],
  ] as const) {
    const rig = new CiphertextRig();
    await rig.day(iso);
    await rig.tick();
    assert.equal(rig.requests[0]?.numbers.length, slots);
    assert.equal(rig.digests.get(1)![0]?.slots, slots);
  }
});

test("slots that came late, in conflict or closed with so many aggregators that no load can hold them are left out", async () => {
  const rig = new CiphertextRig();
  const codes = [ACK_CODES.late, ACK_CODES.conflict, ACK_CODES.closed] as const;
  rig.shareCode = (x, slot) => (x >= 2 ? codes[(slot + x) % 96] : undefined) ?? ACK_CODES.stored;
  const { firstSlot } = await rig.day("2025-01-15");
  await rig.tick();
  const [digest] = rig.digests.get(1)!;
  const left = Array.from({ length: 96 }, (_, slot) => slot).filter((slot) => !hasMember(digest!.presence, slot));
  // Codes 0 to 2 at 2, 0 to 2 at 3 one slot before: two slots are theirs in common.
  const expected = [-2, -1].map((phase) => (((phase - firstSlot) % 96) + 96) % 96).sort((a, b) => a - b);
  assert.deepEqual(left, expected);
  for (const slot of left) assert.equal(rig.requests[0]!.numbers[slot], 0);
});

test("one aggregator alone takes nothing out of a ciphertext, whatever it says", async () => {
  for (const code of [ACK_CODES.late, ACK_CODES.conflict, ACK_CODES.closed]) {
    const rig = new CiphertextRig();
    rig.shareCode = (x) => (x === 2 ? code : ACK_CODES.stored);
    await rig.day("2025-01-15");
    await rig.tick();
    assert.equal(countMembers(rig.digests.get(1)![0]!.presence), 96);
  }
});

test("a late slot is still left out when the meter restarts before the day is over", async () => {
  const rig = new CiphertextRig();
  rig.shareCode = () => ACK_CODES.late;
  const { firstSlot } = { firstSlot: 1_929_596 };
  await rig.read(firstSlot + 4, [7]);
  rig.shareCode = () => ACK_CODES.duplicate;
  rig.restart();
  await settle();
  const store = rig.database.prepare("SELECT aggregator, from_slot, to_slot FROM late").all();
  const slots = { from_slot: firstSlot + 4, to_slot: firstSlot + 5 };
  assert.deepEqual(
    store,
    [1, 2, 3].map((aggregator) => ({ aggregator, ...slots })),
  );
});

test("waits for unsettled readings; after the grace an absent aggregator is not waited for", async () => {
  const rig = new CiphertextRig();
  rig.shareCode = (x) => (x === 3 ? undefined : ACK_CODES.stored);
  await rig.day("2025-01-15");
  await rig.tick();
  assert.equal(rig.requests.length, 0);
  assert.equal(rig.ciphertexts.unsettled, 1, "the window that waits counts");
  rig.time += 4 * 900;
  await rig.tick();
  assert.equal(rig.requests.length, 1);
  // Fewer than t: no load can hold the readings, so the ciphertext must not.
  const other = new CiphertextRig();
  other.shareCode = (x) => (x === 1 ? ACK_CODES.stored : undefined);
  await other.day("2025-01-15");
  other.time += 40 * 900;
  await other.tick();
  assert.equal(other.requests.length, 0);
});

test("a day whose last readings are missing is encrypted after the grace, when no more come", async () => {
  const rig = new CiphertextRig();
  const { firstSlot, slots } = await new CiphertextRig().day("2025-01-15");
  rig.time = firstSlot * 900;
  await rig.read(firstSlot, new Array<number>(50).fill(1));
  rig.time = (firstSlot + slots) * 900;
  await rig.tick(3_000);
  assert.equal(rig.requests.length, 0, "before the grace is over");
  rig.time += 4 * 900;
  await rig.tick();
  assert.equal(presentIn(rig.digests.get(1)![0]!.presence, 96), 50);
});

test("a reading that does not fit stops its window, is told, and is not tried again", async () => {
  const rig = new CiphertextRig();
  await rig.day("2025-01-15", 25_001);
  await rig.tick();
  await rig.day("2025-01-16", 25_000);
  await rig.tick();
  rig.restart();
  await rig.tick();
  assert.deepEqual(rig.codes(), ["too-large meter", "made meter", "settled"]);
  assert.equal(rig.requests.length, 1);
  assert.deepEqual(rig.records()[0]!.answers, { meter: "too-large" });
});

test("a kill before the bytes are durable makes them anew; after it the very same bytes go", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "wv-ciphertexts-")), "meter.db");
  const rig = new CiphertextRig({}, new Database(file));
  rig.analyticsAnswers = false;
  rig.digestCode = () => undefined;
  await rig.day("2025-01-15");
  // The process dies while the thread encrypts: nothing has left.
  rig.failEncryption = new Error("killed");
  rig.ciphertexts.poll();
  await settle();
  assert.equal(rig.bulk.length, 0);
  rig.failEncryption = undefined;
  rig.restart(new Database(file));
  await rig.tick();
  await rig.tick(100);
  assert.equal(rig.sealed.length, 1);
  const first = [...rig.digests.get(2)!];
  // And dies again, after the first attempt to send.
  rig.restart(new Database(file));
  rig.analyticsAnswers = true;
  rig.digestCode = () => 1;
  await rig.tick();
  await rig.tick(100);
  assert.equal(rig.sealed.length, 2);
  assert.deepEqual(rig.sealed[1], rig.sealed[0]);
  assert.deepEqual(rig.digests.get(2)!.at(-1), first[0]);
  assert.equal(rig.ciphertexts.unsettled, 0);
});

test("a restored backup that encrypts anew is told of the conflict, records it and goes on", async () => {
  const rig = new CiphertextRig();
  await rig.day("2025-01-15");
  const backup = new Database(rig.database.serialize());
  await rig.tick();
  assert.deepEqual(rig.codes(), ["made meter", "settled"]);
  rig.digestCode = () => 2;
  rig.shareCode = () => ACK_CODES.duplicate;
  rig.restart(backup);
  await settle();
  await rig.tick();
  await rig.tick();
  const after = rig.codes().slice(2);
  assert.deepEqual(
    [...after].sort(),
    ["conflict a-1", "conflict a-2", "conflict a-3", "conflict analytics", "made meter", "settled"].sort(),
  );
  assert.equal(rig.records()[0]!.answers["analytics"], "conflict");
});

test("what is not answered is sent again, ever more slowly, and the digests with it", async () => {
  const rig = new CiphertextRig();
  rig.analyticsAnswers = false;
  rig.digestCode = (x) => (x === 3 ? undefined : 0);
  await rig.day("2025-01-15");
  for (let second = 0; second < 3_600; second++) await rig.tick();
  assert.ok(rig.bulk.length >= 4 && rig.bulk.length <= 12, `${rig.bulk.length} attempts in an hour`);
  const waits = rig.bulk.slice(1).map(({ at }, i) => at - rig.bulk[i]!.at);
  assert.ok(waits.at(-1)! > 8 * waits[0]!, `waits ${waits.join(", ")}`);
  assert.equal(rig.closes, rig.connects, "no connection stands between");
  assert.equal(rig.digests.get(1)!.length, 1);
  assert.ok(rig.digests.get(3)!.length > 100);
  assert.deepEqual(rig.ciphertexts.silent(), ["analytics", "a-3"]);
  rig.analyticsAnswers = true;
  rig.digestCode = () => 0;
  for (let second = 0; second < 1_200; second++) await rig.tick();
  assert.equal(rig.ciphertexts.unsettled, 0);
});

test("while analytics is away for long the newest windows are kept, and what is given up is told", async () => {
  const rig = new CiphertextRig({ outboxWindows: 3 });
  rig.analyticsAnswers = false;
  for (let day = 10; day < 18; day++) {
    await rig.day(`2025-01-${day}`);
    await rig.tick();
  }
  assert.equal(rig.codes().filter((code) => code === "outbox-full meter").length, 5);
  assert.equal(rig.ciphertexts.unsettled, 3);
  const { n } = rig.database.prepare("SELECT count(sealed) AS n FROM ciphertexts").get() as { n: number };
  assert.equal(n, 3);
  rig.restart();
  rig.analyticsAnswers = true;
  for (let second = 0; second < 60; second++) await rig.tick();
  assert.equal(rig.ciphertexts.unsettled, 0);
  assert.equal(rig.stored.size, 3);
});

test("ciphertexts go out no faster than the configured rate", async () => {
  const rig = new CiphertextRig({ bytesPerSecond: 100_000, resendSeconds: 60 });
  rig.encryptedBytes = 600_000;
  await rig.day("2025-01-15");
  await rig.tick(0);
  const start = rig.timers.now;
  while (rig.ciphertexts.unsettled > 0) await rig.timers.advance(100);
  assert.equal(rig.bulk.length, 3);
  const seconds = (rig.timers.now - start) / 1_000;
  assert.ok(seconds >= 5 && seconds < 7, `${seconds} s for 600 kB at 100 kB/s`);
});

test("answers that analytics did not sign for this ciphertext of this meter change nothing", async () => {
  const rig = new CiphertextRig();
  rig.analyticsAnswers = false;
  const { firstSlot } = await rig.day("2025-01-15");
  await rig.tick(0);
  const { digest } = rig.records()[0]!;
  const good = { series: "load", firstSlot, digest: Uint8Array.from(digest), code: 0 as const };
  const stranger = generateKeyPairSync("ed25519").privateKey;
  const wrong: [string, Uint8Array, string][] = [
    ["forged", signCiphertextAck(good, "m-001", { id: "analytics", signKey: stranger }), "bad-signature"],
    ["another meter's", rig.sign(good, "m-002"), "bad-signature"],
    ["of another server", signCiphertextAck(good, "m-001", { id: "utility", signKey: stranger }), "wrong-sender"],
    ["of another ciphertext", rig.sign({ ...good, digest: new Uint8Array(32) }), "replayed"],
    ["no message", Uint8Array.of(1, 2, 3), "malformed"],
  ];
  for (const [what, payload, code] of wrong) {
    rig.refused.length = 0;
    rig.handlers!.onMessage("wv/1/an/ack/m-001", payload);
    const [error] = rig.refused;
    assert.ok(error instanceof ProtocolError && error.code === code, `${what}: ${String(error)}`);
    assert.ok(rig.ciphertexts.silent().includes("analytics"), what);
  }
  rig.handlers!.onMessage("wv/1/an/ack/m-001", rig.sign({ ...good, firstSlot: firstSlot + 96 }));
  assert.ok(rig.ciphertexts.silent().includes("analytics"), "of another window");
  rig.handlers!.onMessage("wv/1/an/ack/m-001", rig.sign(good));
  assert.deepEqual(rig.ciphertexts.silent(), []);
  await rig.timers.advance(10);
  assert.equal(rig.closes, 1);
});

test("a failure to encrypt is told and repeated later; shares are not touched by it", async () => {
  const rig = new CiphertextRig();
  rig.failEncryption = new Error("public.key cannot be read");
  await rig.day("2025-01-15");
  for (let second = 0; second < 25; second++) await rig.tick();
  assert.equal(rig.requests.length, 3, "every ten seconds");
  assert.equal(rig.refused.length, 3);
  assert.equal(rig.agent.unsettledSlots, 0);
  rig.failEncryption = undefined;
  for (let second = 0; second < 12; second++) await rig.tick();
  assert.deepEqual(rig.codes(), ["made meter", "settled"]);
});

test("digests are not sent before an aggregator has answered this start's challenge", async () => {
  const rig = new CiphertextRig();
  await rig.day("2025-01-15");
  rig.connected = false;
  await rig.tick();
  assert.equal(rig.digests.get(1)!.length, 0);
  assert.equal(rig.stored.size, 1, "the second connection does not depend on the first");
  rig.connected = true;
  rig.agent.onConnect();
  await rig.tick();
  assert.equal(rig.digests.get(1)!.length, 1);
  assert.equal(rig.ciphertexts.unsettled, 0);
});

test("windows after a redealing are of the new epoch; what was made before goes as it is", async () => {
  const rig = new CiphertextRig();
  rig.analyticsAnswers = false;
  await rig.day("2025-01-15");
  await rig.tick();
  rig.epoch = 2;
  await rig.day("2025-01-16");
  await rig.tick();
  assert.deepEqual(
    rig.requests.map(({ epoch }) => epoch),
    [1, 2],
  );
  assert.deepEqual(
    rig.records().map(({ epoch }) => epoch),
    [1, 2],
  );
});
