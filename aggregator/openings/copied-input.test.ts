/**
 * A meter that colludes with analytics vouches for a copy of its neighbour's ciphertext, with an encryption of zero added
 * so that no two bytes are alike. The opened sum then holds the neighbour twice, and with the load from shares known, the
 * difference is the neighbour's whole day: of the same window, or of any earlier one.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import { proveAuthorship } from "../../protocol/ckks/authorship/authorship.ts";
import { packCiphertext, rawOfPacked, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import { encryptZero } from "../../protocol/ckks/threshold/zero.ts";
import type { TestAggregator } from "../testing/system.ts";
import type { JobBed, Said } from "./testing/job-bed.ts";
import { WINDOW } from "./testing/job-bed.ts";
import { combined, DealtKeys, evaluate, keyedBed, LEVEL, NAMES, readings, STRIDE } from "./testing/keyed-bed.ts";

const [VICTIM, COPIER] = ["m-1", "m-2"] as const;

let keys: DealtKeys;
before(async () => {
  keys = await DealtKeys.make();
});

/** The victim's ciphertext, re-randomised, as one of the copier's own window. The copier proves what it can: its part. */
function copyOf(bytes: Uint8Array, firstSlot: number): Uint8Array {
  const { engine, publicKey } = keys;
  const { ring } = engine;
  const raw = rawOfPacked(engine, unpackCiphertext(engine, bytes, LEVEL));
  const random = (count: number): Uint8Array => randomBytes(count);
  const { zero, u } = encryptZero({ ring, publicKey, level: LEVEL, random });
  const polys = raw.polys.map((poly, i) => ring.add(poly.slice(), zero[i]!));
  const window = { series: "load", firstSlot, slots: WINDOW };
  return packCiphertext(engine, window, { ...raw, polys }, STRIDE, (content) => {
    const statement = randomBytes(32);
    assert.ok(content.length > 0);
    return proveAuthorship({ ring, a: publicKey[1], c1: zero[1], statement }, u, random);
  });
}

/** The copier vouches for it, in the place of what it vouched for before. */
function vouchInstead(bed: JobBed, aggregators: readonly TestAggregator[], bytes: Uint8Array): void {
  const before = bed.digest(COPIER);
  bed.ciphertexts.set(`${COPIER} load`, bytes);
  for (const { db } of aggregators) {
    db.prepare("UPDATE he_digests SET digest = ? WHERE digest = ?").run(bed.digest(COPIER), before);
  }
}

async function ask(bed: JobBed, aggregators: readonly TestAggregator[]) {
  const { transcript, outputs } = evaluate(keys, bed, "sum", "load");
  const answers: (Said | undefined)[] = [];
  const partials: (Said | undefined)[] = [];
  let job = "";
  for (const one of aggregators) {
    const ran = await bed.run(one, transcript);
    job = ran.job;
    answers.push(ran.answer);
  }
  if (answers.every((answer) => answer?.type === "ready")) {
    const active = aggregators.map(({ index }) => index);
    for (const one of aggregators) partials.push(await bed.open(one, job, active));
  }
  return { transcript, outputs, answers, partials };
}

test("control: what a sum opens to, less the load from shares, is a reading if one meter's is there twice", async (context) => {
  const { bed, aggregators } = keyedBed(context, keys);
  // The copier knows the victim's readings here, and so may well encrypt them itself: that is no copy.
  const own = keys.encrypt(COPIER, { series: "load", firstSlot: bed.from }, readings(VICTIM));
  vouchInstead(bed, aggregators, own);
  const { transcript, outputs, partials } = await ask(bed, aggregators.slice(0, 2));
  const [opened] = combined(keys, transcript, outputs, partials);
  for (let slot = 0; slot < WINDOW; slot++) {
    const load = NAMES.reduce((sum, name) => sum + readings(name)[slot]!, 0);
    const learnt = opened![slot]! - load + readings(COPIER)[slot]!;
    assert.ok(Math.abs(learnt - readings(VICTIM)[slot]!) < 0.01, `slot ${slot}: ${learnt}`);
  }
});

test("a re-randomised copy of this window, or of an earlier one, is refused with its place by every aggregator", async (context) => {
  const { bed, aggregators } = keyedBed(context, keys);
  const yesterday = keys.encrypt(VICTIM, { series: "load", firstSlot: bed.from - WINDOW }, readings(VICTIM));
  for (const source of [bed.ciphertext(VICTIM), yesterday]) {
    vouchInstead(bed, aggregators, copyOf(source, bed.from));
    const { answers, partials } = await ask(bed, aggregators);
    for (const answer of answers) {
      assert.deepEqual(answer?.type === "refuse" && [answer.code, answer.where], ["not-its-own", [1]]);
    }
    assert.equal(partials.length, 0);
  }
});

test("the victim's very ciphertext, its proof included, is no other meter's", async (context) => {
  const { bed, aggregators } = keyedBed(context, keys);
  vouchInstead(bed, aggregators, bed.ciphertext(VICTIM));
  const [answer] = (await ask(bed, aggregators.slice(0, 1))).answers;
  assert.deepEqual(answer?.type === "refuse" && [answer.code, answer.where], ["not-its-own", [1]]);
});

test("a meter's own ciphertext is not one of another window, with yesterday's proof", async (context) => {
  const { bed, aggregators } = keyedBed(context, keys);
  const { engine } = keys;
  const own = keys.encrypt(COPIER, { series: "load", firstSlot: bed.from - WINDOW }, readings(COPIER));
  const packed = unpackCiphertext(engine, own, LEVEL);
  const window = { series: "load", firstSlot: bed.from, slots: WINDOW };
  const again = packCiphertext(engine, window, rawOfPacked(engine, packed), STRIDE, () => packed.proof);
  vouchInstead(bed, aggregators, again);
  const [answer] = (await ask(bed, aggregators.slice(0, 1))).answers;
  assert.deepEqual(answer?.type === "refuse" && [answer.code, answer.where], ["not-its-own", [1]]);
});

test("a ciphertext without any proof is refused", async (context) => {
  const { bed, aggregators } = keyedBed(context, keys);
  const { engine } = keys;
  const packed = unpackCiphertext(engine, bed.ciphertext(COPIER), LEVEL);
  const window = { series: "load", firstSlot: bed.from, slots: WINDOW };
  vouchInstead(bed, aggregators, packCiphertext(engine, window, rawOfPacked(engine, packed), STRIDE));
  const [answer] = (await ask(bed, aggregators.slice(0, 1))).answers;
  assert.deepEqual(answer?.type === "refuse" && [answer.code, answer.where], ["not-its-own", [1]]);
});
