import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { encodeCbor } from "./cbor.ts";
import { CONTEXT, sign1 } from "./envelope/index.ts";
import { ProtocolError } from "./errors.ts";
import type { ServerKeys } from "./keys/index.ts";
import {
  acceptRecord,
  countersign,
  feederAt,
  openRecord,
  Roll,
  type SignedRecord,
  signRecord,
  verifyMembership,
} from "./membership.ts";
import type { MembershipRecord, Place } from "./messages/enrolment.ts";

const keys = new Map(["authority", "utility", "a-1", "a-2", "a-3"].map((id) => [id, generateKeyPairSync("ed25519")]));
const servers = new Map<string, ServerKeys>(
  [...keys].map(([id, { publicKey }]) => [id, { role: "aggregator", signKey: publicKey }]),
);
const directory = { q: 2, servers };
const signer = (id: string) => ({ id, signKey: keys.get(id)!.privateKey });
const authority = signer("authority");

function record(places: Place[], serial = 1, keyVersion = 1): MembershipRecord {
  return { meter: "m-001", serial, keyVersion, places };
}

function certificate(value: MembershipRecord, by = [1, 2]) {
  const signed = signRecord(value, authority);
  return { record: signed, countersignatures: by.map((i) => countersign(signed, i, signer(`a-${i}`))) };
}

function code(...expected: string[]): (error: unknown) => boolean {
  return (error) => error instanceof ProtocolError && expected.includes(error.code);
}

const F1: Place = { feeder: "f-1", from: 100, to: null };
const stranger = (): undefined => undefined;

/** What an aggregator says to a record after another, in slot 200. */
function accept(after: MembershipRecord, before?: MembershipRecord, lateSlots = 0): MembershipRecord {
  const signed = before === undefined ? undefined : signRecord(before, authority);
  const previous = (): SignedRecord | undefined => (signed && before ? { signed, record: before } : undefined);
  return acceptRecord(signRecord(after, authority), { directory, previous, currentSlot: 200, lateSlots });
}

test("a certificate counts with q countersignatures of different aggregators", () => {
  const verified = verifyMembership(certificate(record([F1]), [3, 1]), directory);
  assert.deepEqual(verified.countersignedBy, [1, 3]);
  assert.deepEqual(verified.record, record([F1]));
});

test("invented meters are refused: fewer than q countersignatures, or one of them twice", () => {
  const roll = new Roll(directory);
  assert.throws(() => roll.add(certificate(record([F1]), [])), code("bad-signature"));
  assert.throws(() => roll.add(certificate(record([F1]), [1])), code("bad-signature"));
  assert.throws(() => roll.add(certificate(record([F1]), [1, 1])), code("bad-signature"));
  assert.equal(roll.size, 0);
});

test("refuses a record that the authority has not signed, whoever countersigns it", () => {
  const signed = sign1(encodeCbor(record([F1])), signer("utility"), CONTEXT.member);
  const countersignatures = [1, 2].map((i) => countersign(signed, i, signer(`a-${i}`)));
  assert.throws(() => verifyMembership({ record: signed, countersignatures }, directory), code("wrong-sender"));
});

test("refuses countersignatures of another record, or by another aggregator than they say", () => {
  const good = certificate(record([F1]));
  const other = certificate(record([{ ...F1, feeder: "f-2" }]));
  assert.throws(
    () => verifyMembership({ record: good.record, countersignatures: other.countersignatures }, directory),
    code("bad-signature"),
  );
  const inAnothersName = countersign(good.record, 3, signer("a-2"));
  const mixed = { record: good.record, countersignatures: [...good.countersignatures, inAnothersName] };
  assert.throws(() => verifyMembership(mixed, directory), code("bad-signature"));
});

test("refuses a certificate with any one byte altered", () => {
  const good = certificate(record([F1]));
  const parts = [good.record, ...good.countersignatures];
  for (const [i, part] of parts.entries()) {
    for (let at = 0; at < part.length; at += 5) {
      const altered = parts.map((bytes) => Uint8Array.from(bytes));
      altered[i]![at]! ^= 0x10;
      const [first, ...rest] = altered;
      assert.throws(() => verifyMembership({ record: first!, countersignatures: rest }, directory), ProtocolError);
    }
  }
});

test("an aggregator accepts a new meter from now on, and the very same record again", () => {
  assert.deepEqual(accept(record([{ ...F1, from: 200 }])), record([{ ...F1, from: 200 }]));
  accept(record([F1]), record([F1]));
});

test("an aggregator accepts a new meter a little late, but not later", () => {
  accept(record([{ ...F1, from: 190 }]), undefined, 10);
  assert.throws(() => accept(record([{ ...F1, from: 189 }]), undefined, 10), /rewrites the past: slot 189/);
  assert.throws(() => accept(record([{ ...F1, from: 199 }])), code("replayed"));
});

test("an aggregator refuses to rewrite the past", () => {
  const moved = (from: number): Place[] => [
    { ...F1, to: from },
    { feeder: "f-2", from, to: null },
  ];
  accept(record(moved(200), 2), record([F1]));
  accept(record(moved(201), 2), record([F1]));
  for (const places of [moved(199), [{ ...F1, to: 150 }], [{ ...F1, feeder: "f-2" }], [{ ...F1, from: 101 }], []]) {
    assert.throws(() => accept(record(places, 2), record([F1]), 96), code("replayed"));
  }
});

test("an aggregator refuses a serial or key version that does not grow", () => {
  const later = record([F1, ...[]], 3, 2);
  assert.throws(() => accept(record([{ ...F1, to: 300 }], 3, 2), later), code("replayed"));
  assert.throws(() => accept(record([{ ...F1, to: 300 }], 2, 2), later), code("replayed"));
  assert.throws(() => accept(record([{ ...F1, to: 300 }], 4, 1), later), code("replayed"));
  accept(record([{ ...F1, to: 300 }], 4, 2), later);
});

test("an aggregator refuses a record of anyone but the authority", () => {
  const forged = sign1(encodeCbor(record([F1])), signer("utility"), CONTEXT.member);
  assert.throws(() => acceptRecord(forged, { directory, previous: stranger, currentSlot: 0 }), code("wrong-sender"));
  const another = sign1(encodeCbor(record([F1])), authority, CONTEXT.endorse);
  assert.throws(() => acceptRecord(another, { directory, previous: stranger, currentSlot: 0 }), code("bad-signature"));
});

test("whatever is accepted, no slot of the past has changed its feeder", () => {
  const places = fc
    .uniqueArray(fc.nat(40), { minLength: 2, maxLength: 8 })
    .map((edges) => [...edges].sort((a, b) => a - b))
    .chain((edges) =>
      fc.array(fc.constantFrom("f-1", "f-2"), { minLength: 4, maxLength: 4 }).map((feeders) =>
        Array.from({ length: Math.floor(edges.length / 2) }, (_, i): Place => {
          return { feeder: feeders[i]!, from: edges[2 * i]!, to: edges[2 * i + 1]! };
        }),
      ),
    );
  const context = { directory, currentSlot: 20, lateSlots: 0 };
  fc.assert(
    fc.property(places, places, (before, after) => {
      const known = { signed: signRecord(record(before), authority), record: record(before) };
      const past = Array.from({ length: 20 }, (_, slot) => slot);
      const same = past.every((slot) => feederAt(before, slot) === feederAt(after, slot));
      let accepted = true;
      try {
        acceptRecord(signRecord(record(after, 2), authority), { ...context, previous: () => known });
      } catch (error) {
        assert.ok(error instanceof ProtocolError);
        accepted = false;
      }
      assert.equal(accepted, same);
    }),
    { numRuns: 200 },
  );
});

test("a roll knows who is where, and keeps the highest serial", () => {
  const roll = new Roll(directory);
  const moved = [
    { ...F1, to: 300 },
    { feeder: "f-2", from: 300, to: 400 },
  ];
  assert.deepEqual(roll.add(certificate(record([F1]))), record([F1]));
  assert.equal(roll.add(certificate(record([F1]))), undefined);
  roll.add(certificate(record(moved, 2)));
  assert.equal(roll.add(certificate(record([F1]))), undefined);
  roll.add(certificate({ ...record([F1]), meter: "b" }));
  assert.deepEqual(roll.rosterAt("f-1", 299), ["b", "m-001"]);
  assert.deepEqual(roll.rosterAt("f-1", 300), ["b"]);
  assert.deepEqual(roll.members("f-2", { from: 0, to: 301 }), ["m-001"]);
  assert.deepEqual(roll.members("f-2", { from: 400, to: 500 }), []);
  assert.equal(roll.feederOf("m-001", 350), "f-2");
  assert.equal(roll.feederOf("m-001", 99), undefined);
  assert.equal(roll.feederOf("m-777", 350), undefined);
  assert.equal(roll.isActive("m-001", 399), true);
  assert.equal(roll.isActive("m-001", 400), false);
  assert.deepEqual(roll.feeders(), ["f-1", "f-2"]);
  assert.deepEqual(roll.certificates().length, 2);
});

test("a roll refuses two different records with one serial", () => {
  const roll = new Roll(directory);
  roll.add(certificate(record([F1])));
  assert.throws(() => roll.add(certificate(record([{ ...F1, feeder: "f-2" }]))), code("bad-signature"));
});

test("a record whose places overlap is not signed", () => {
  const overlapping = record([F1, { feeder: "f-2", from: 150, to: null }]);
  assert.throws(() => signRecord(overlapping, authority), /^RangeError: record/);
  assert.deepEqual(openRecord(signRecord(record([F1]), authority), directory), record([F1]));
});

test("a head is on no roster, and its role is for life", () => {
  const head: MembershipRecord = { ...record([F1]), meter: "h-1", role: "head" };
  const roll = new Roll(directory);
  roll.add(certificate(record([F1])));
  roll.add(certificate(head));
  assert.deepEqual(roll.rosterAt("f-1", 150), ["m-001"]);
  assert.deepEqual(roll.heads("f-1", { from: 150, to: 151 }), ["h-1"]);
  assert.deepEqual(roll.heads("f-1", { from: 0, to: 100 }), []);
  assert.deepEqual([roll.isHead("h-1"), roll.isHead("m-001"), roll.isHead("m-404")], [true, false, false]);
  // A customer that is called a head would be missing from a balance, and be seen in it.
  assert.throws(() => accept({ ...record([F1], 2), role: "head" }, record([F1])), code("replayed"));
  assert.throws(() => accept({ ...record([F1], 2) }, { ...record([F1]), role: "head" }), code("replayed"));
  assert.equal(accept({ ...record([F1], 2), role: "head" }, { ...record([F1]), role: "head" }).role, "head");
});
