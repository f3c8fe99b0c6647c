/**
 * One honest run of real processes with ciphertexts, of which every byte that passed the broker is kept. Then parties are
 * curious, alone and together: fewer than t of the aggregators open no meter's ciphertext, whatever else they have; with
 * t shares the same code opens every one.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import Database from "better-sqlite3";
import { redealCkks } from "../../config/enrolment/ckks-redeal.ts";
import { ckksPlan } from "../../config/enrolment/index.ts";
import { loadCkksMaterial, openParty } from "../../config/keys/index.ts";
import { proveAuthorship } from "../../protocol/ckks/authorship/authorship.ts";
import { assertSender, encryptAs } from "../../protocol/ckks/authorship/sender.ts";
import { CkksEngine, dataLevels, unpackCiphertext } from "../../protocol/ckks/index.ts";
import { decodeTranscript } from "../../protocol/ckks/job.ts";
import { packCiphertext, rawOfPacked } from "../../protocol/ckks/packed.ts";
import { encryptZero } from "../../protocol/ckks/threshold/zero.ts";
import { FleetBed } from "../fleet/testing/bed.ts";
import { CiphertextHolder } from "../testing/ciphertext-holder.ts";
import { type Published, readRecording, RECORDING_FILE } from "../testing/recording.ts";

const FIVE_METERS = {
  "simulation.meters": 5,
  "simulation.feeders": 1,
  "homomorphic.enabled": true,
  "homomorphic.sets": ["light"],
  "homomorphic.series": { load: { kind: "import", set: "light", content: "energy" } },
  "analytics.jobs": [{ circuit: "sum", group: "feeders", series: "load" }],
};

describe("curious parties and ciphertexts", () => {
  let bed: FleetBed;
  let published: readonly Published[];
  let meters: readonly string[];
  /** What each meter encrypted. */
  const windows = new Map<string, readonly number[]>();

  const ends: (() => Promise<void>)[] = [];

  after(async () => {
    for (const end of ends) await end();
  });
  before(async () => {
    const whole = { after: (work: () => Promise<void>) => void ends.push(work) };
    bed = await FleetBed.create(whole, {
      set: FIVE_METERS,
      fleet: { entryOf: (name) => (name === "broker" ? "tests/testing/recording-broker-main.ts" : undefined) },
    });
    await bed.fleet.start();
    // All run already: what follows is encrypted, computed and opened under keys that none of them started with.
    const keys = path.join(bed.data, "keys");
    const authority = openParty(path.join(keys, "authority"));
    assert.equal(await redealCkks({ keys, authority, plan: ckksPlan(bed.config)!, now: Date.now() / 1000 }), 2);
    await bed.fleet.run();
    const { opened } = await bed.outcome();
    assert.equal(opened?.openings, 1, JSON.stringify(opened));
    assert.ok(opened.compared.every(({ withinBound }) => withinBound));
    await bed.fleet.stop();
    ({ published } = readRecording(path.join(bed.data, "fleet", RECORDING_FILE)));
    const { source, range } = bed.plan;
    meters = source.meters.map(({ id }) => id);
    for (const [index, meter] of meters.entries()) {
      const slots = Array.from({ length: range.to - range.from }, (_, i) => range.from + i);
      windows.set(
        meter,
        slots.map((slot) => source.read(index, slot)?.importWh ?? 0),
      );
    }
  });

  const holding = async (...ids: string[]): Promise<CiphertextHolder> => {
    const holder = await CiphertextHolder.create(bed.config, bed.data);
    for (const id of ids) await holder.takeFolder(id);
    return await holder.takeWire(published);
  };
  const errorsOf = (slots: Float64Array, meter: string): number[] =>
    windows.get(meter)!.map((reading, i) => Math.abs(slots[i]! - reading));

  /** No slot of any attempt is near a reading. */
  function assertNothing(holder: CiphertextHolder): void {
    for (const meter of meters) {
      const attempts = holder.attempts(meter);
      assert.ok(attempts.length >= 2, "it has something to try");
      for (const { how, slots } of attempts) {
        const nearest = Math.min(...errorsOf(slots, meter));
        assert.ok(nearest > 100, `${meter}: ${how} comes within ${nearest} Wh`);
      }
    }
  }

  function assertEverything(holder: CiphertextHolder): void {
    for (const meter of meters) {
      const right = holder.attempts(meter).filter(({ slots }) => Math.max(...errorsOf(slots, meter)) < 0.5);
      assert.ok(right.length >= 1, `${meter} opens`);
      for (const { how } of right) assert.match(how, /^shares \d, \d/, "shares alone do it");
    }
  }

  test("keys that were dealt while all parties ran are those of the opening, without a restart", () => {
    const db = new Database(path.join(bed.data, "utility", "utility.db"), { readonly: true });
    const transcripts = db.prepare<[], Uint8Array>("SELECT transcript FROM he_outputs").pluck().all();
    db.close();
    assert.deepEqual(
      transcripts.map((transcript) => decodeTranscript(transcript).epoch),
      [2],
    );
  });

  test("t - 1 key shares and every message on the wire decrypt no meter's ciphertext; with t they do", async () => {
    const wire = await holding("a-2");
    // Whoever opens has recomputed the sum from all of them.
    assert.deepEqual([...wire.ciphertexts.keys()].sort(), meters);
    assert.equal(wire.shares.length, 1);
    assertNothing(wire);
    const control = await holding("a-2", "a-1");
    assert.equal(control.shares.length, 2);
    assertEverything(control);
  });

  test("analytics with its folder, its whole disk and the wire fails; with t shares it does not", async () => {
    const analytics = (await holding("analytics")).takeDisk();
    assert.equal(analytics.shares.length, 0);
    assert.deepEqual([...analytics.ciphertexts.keys()].sort(), meters);
    assertNothing(analytics);
    const withOne = (await holding("analytics", "a-3")).takeDisk();
    assert.equal(withOne.shares.length, 1);
    assertNothing(withOne);
    assertEverything((await holding("analytics", "a-3", "a-1")).takeDisk());
  });

  test("the utility sees no meter's ciphertext, and with one its parts of openings do not open it", async () => {
    const utility = await holding("utility");
    assert.equal(utility.ciphertexts.size, 0);
    assert.ok(utility.parts.length >= 2, "it was sent t parts");
    utility.give(await holding("analytics"));
    assert.equal(utility.ciphertexts.size, meters.length);
    assertNothing(utility);
    const withOne = (await holding("utility", "a-1")).give(await holding("analytics"));
    assertNothing(withOne);
    assertEverything((await holding("utility", "a-1", "a-2")).give(await holding("analytics")));
  });

  test("analytics and a meter together cannot pass a neighbour's ciphertext off as the meter's own, whatever they add", async () => {
    const [victim, copier] = meters as [string, string];
    const party = openParty(path.join(bed.data, "keys", copier));
    const { parameters } = party.ckks!.current.sets.get("light")!;
    const engine = await CkksEngine.create(parameters);
    const { publicKey: file } = loadCkksMaterial(bed.data, party.ckks!.current, "light", ["publicKey"]);
    const publicKey = engine.keys.publicPolys(file);
    const level = dataLevels(parameters);
    const { bytes } = (await holding("analytics", copier)).takeDisk().ciphertexts.get(victim)!;
    const theirs = unpackCiphertext(engine, bytes, level);
    assertSender(engine, publicKey[1], theirs, victim);
    // With an encryption of zero on top, and the proof that the copier has for its part of the randomness.
    const { zero, u } = encryptZero({ ring: engine.ring, publicKey, level, random: randomBytes });
    const raw = rawOfPacked(engine, theirs);
    const mixed = { ...raw, polys: raw.polys.map((poly, i) => engine.ring.add(poly.slice(), zero[i]!)) };
    const input = { ring: engine.ring, a: publicKey[1], statement: randomBytes(32) };
    const proofs = [theirs.proof, proveAuthorship({ ...input, c1: zero[1] }, u, randomBytes), new Uint8Array()];
    assert.throws(() => proveAuthorship({ ...input, c1: mixed.polys[1]! }, u, randomBytes), /u: it is not what/);
    for (const proof of proofs) {
      for (const one of [raw, mixed]) {
        const copy = unpackCiphertext(
          engine,
          packCiphertext(engine, theirs, one, theirs.stride, () => proof),
          level,
        );
        assert.throws(() => assertSender(engine, publicKey[1], copy, copier), { code: "not-its-own" });
      }
    }
    // The control: numbers that the copier knows itself are its own ciphertext, even if they are the neighbour's.
    const numbers = Float64Array.from(windows.get(victim)!);
    const own = { meter: copier, window: theirs, level, stride: theirs.stride, numbers };
    const made = unpackCiphertext(engine, encryptAs(engine, publicKey, own, randomBytes), level);
    assertSender(engine, publicKey[1], made, copier);
    engine.close();
  });

  test("the broker and a customer open nothing of it", async () => {
    for (const ids of [["broker"], [meters[0]!], []]) {
      const holder = await holding(...ids);
      assert.deepEqual([holder.ciphertexts.size, holder.parts.length, holder.shares.length], [0, 0, 0]);
    }
  });
});
