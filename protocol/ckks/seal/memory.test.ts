import assert from "node:assert/strict";
import { test } from "node:test";
import { CkksEngine } from "./engine.ts";
import { LiveObjects } from "./load.ts";
import { SMALL, testKeys } from "./testing/keys.ts";

/** WebAssembly memories of this process that grew, and so every memory that SEAL ever asked more of. */
const grown: { buffer: ArrayBufferLike; grow(pages: number): number }[] = [];
const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: { prototype: (typeof grown)[number] } } })
  .WebAssembly;
// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
const grow = Memory.prototype.grow;
Memory.prototype.grow = function (this: (typeof grown)[number], pages) {
  grown.push(this);
  return grow.call(this, pages);
};

test("three hundred rounds of work leave no object and do not grow the WebAssembly heap", async () => {
  const outside = LiveObjects.count;
  const keys = await testKeys(SMALL, [1]);
  const engine = await CkksEngine.create(SMALL, { insecureForTests: true });
  engine.loadKeys(keys);
  const before = LiveObjects.count;
  const round = (): void => {
    engine.scope(() => {
      const a = engine.encrypt(engine.encode([1, 2, 3], { scale: 2 ** 40 }));
      const b = engine.loadCiphertextBytes(engine.saveCiphertext(a));
      const raw = engine.rawCiphertext(engine.rotate(engine.rescale(engine.multiply(a, b)), 1));
      assert.throws(() => engine.loadCiphertext({ ...raw, polys: raw.polys.map((poly) => poly.fill(2n ** 63n)) }));
      engine.decode(engine.encode([4], { level: 1, scale: 2 ** 20 }));
    });
  };
  for (let warm = 0; warm < 20; warm++) round();
  const pagesAsked = grown.length;
  for (let count = 0; count < 300; count++) round();
  assert.equal(LiveObjects.count, before);
  // Each round makes 0.7 MB of objects: a single kind that leaks would ask for tens of megabytes.
  assert.equal(grown.length, pagesAsked);
  engine.close();
  assert.equal(LiveObjects.count, outside);
});
