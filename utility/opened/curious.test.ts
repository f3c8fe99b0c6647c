/** What the utility can do with everything it stores and sees: nothing without t parts, and never one meter alone. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { decodeCbor } from "../../protocol/cbor.ts";
import { unpackCiphertext } from "../../protocol/ckks/packed.ts";
import type { RawCiphertext } from "../../protocol/ckks/seal/layout.ts";
import { type OutputParts, openOutput } from "./combination.ts";
import { day, OpenedBed, SLOTS } from "./testing/opened-bed.ts";

/** How far the nearest of all slots is from what it would be. */
function nearest(slots: Float64Array, truth: readonly number[]): number {
  return truth.reduce((least, value, i) => Math.min(least, Math.abs(slots[i]! - value)), Infinity);
}

test("first halves without all t parts are noise; the control opens with the last part", async (t) => {
  const bed = await OpenedBed.make(t);
  const readings = day();
  const job = bed.compute(readings);
  await bed.output(job, [1, 2]);
  await bed.part(job, 1, [1, 2]);
  const stored = await bed.db.selectFrom("he_outputs").selectAll().executeTakeFirstOrThrow();
  const [c0] = decodeCbor(stored.c0!) as Uint8Array[];
  const held = await bed.db.selectFrom("he_partials").selectAll().execute();
  const parts = held.map((row): [number, Uint8Array] => [
    row.aggregator,
    (decodeCbor(row.outputs) as Uint8Array[])[0]!,
  ]);
  assert.equal(parts.length, 1, "t - 1 of them");
  const truth = Array.from({ length: SLOTS }, (_, i) => [...readings.values()].reduce((sum, one) => sum + one[i]!, 0));
  const { level, scale } = job.outputs[0]!;
  const key = { ring: bed.keys.engine.ring, publicKey: bed.keys.publicKey };
  const seed = bed.seed(job, [1, 2]);
  const attempt = (partials: OutputParts["partials"]): Float64Array =>
    openOutput(key, bed.stride(), { level, scale, seed, c0: c0!, partials }).slots;
  for (const partials of [[], parts, [...parts, ...parts]]) {
    assert.ok(nearest(attempt(partials), truth) > 1e3, `${partials.length} parts`);
  }
  const last: [number, Uint8Array] = [2, bed.parts(job, 2, [1, 2])[0]!];
  assert.ok(nearest(attempt([...parts, last]), truth) < 0.5, "the control");
});

test("one meter's ciphertext does not open with what the utility holds after the job, its parts included", async (t) => {
  const bed = await OpenedBed.make(t);
  const readings = day();
  const { engine } = bed.keys;
  const packed = [...readings.values()].map((values) => bed.encrypt(values));
  const job = bed.compute(readings, {}, packed);
  const parts = [1, 2].map((index): [number, Uint8Array] => [index, bed.parts(job, index, [1, 2])[0]!]);
  await bed.output(job, [1, 2]);
  for (const [index, part] of parts) await bed.part(job, index, [1, 2], { outputs: [part] });

  // Were a meter's ciphertext to reach it all the same, the parts of the sum would not open it.
  const single = unpackCiphertext(engine, packed[1]!, engine.dataLevels);
  const c0 = bed.pack(single.c0, single.level);
  const key = { ring: engine.ring, publicKey: bed.keys.publicKey };
  const seed = bed.seed(job, [1, 2]);
  const open = (partials: OutputParts["partials"]): Float64Array =>
    openOutput(key, bed.stride(), { level: single.level, scale: engine.scale, seed, c0, partials }).slots;
  const alone = readings.get("m-002")!;
  assert.ok(nearest(open(parts), alone) > 1e3);
  assert.ok(nearest(open([]), alone) > 1e3);

  // The control: parts that aggregators would make for this very ciphertext, which they refuse, do open it.
  const raw: RawCiphertext = {
    polys: [new BigUint64Array(single.c1.length), single.c1],
    level: single.level,
    scale: engine.scale,
    ntt: true,
  };
  const own = { job: "x", transcript: new Uint8Array(1), outputs: [raw] };
  const forbidden = [1, 2].map((index): [number, Uint8Array] => [index, bed.parts(own, index, [1, 2])[0]!]);
  const { slots } = openOutput(key, bed.stride(), {
    ...{ level: single.level, scale: engine.scale, seed: bed.seed(own, [1, 2]), c0, partials: forbidden },
  });
  assert.ok(nearest(slots, alone) < 0.5, "the control");

  // Nothing of a meter is on its disk: neither ciphertext nor half of one, nor a part of the job.
  const disk = Buffer.concat(
    await Promise.all(["", "-wal"].map((end) => readFile(path.join(bed.folder, `utility.db${end}`)))),
  );
  const sample = (bytes: Uint8Array): Buffer => Buffer.from(bytes.slice(200, 232));
  for (const bytes of packed) assert.equal(disk.includes(sample(bytes)), false);
  for (const { c0: half, c1 } of packed.map((bytes) => unpackCiphertext(engine, bytes, engine.dataLevels))) {
    assert.equal(disk.includes(sample(bed.pack(half, single.level))), false);
    assert.equal(disk.includes(sample(bed.pack(c1, single.level))), false);
  }
  assert.ok(disk.includes(Buffer.from(bed.describe(job.outputs[0]!).digest)), "the control: the transcript is there");
});
