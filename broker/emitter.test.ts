/** Who gets a message, compared with the definition of MQTT 3.1.1, section 4.7. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Emitter } from "./emitter.ts";
import type { Listener } from "./emitter.ts";

const level = fc.constantFrom("a", "b", "c", "");
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([levels, rest]) => (rest ? [...levels.slice(1), "#"] : levels).join("/"))
  .filter((text) => text !== "");
const topic = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"))
  .filter((text) => text !== "");

function matches(pattern: string, name: string): boolean {
  const names = pattern.split("/");
  const levels = name.split("/");
  for (const [i, part] of names.entries()) {
    if (part === "#") return true;
    if (levels[i] === undefined || (part !== "+" && part !== levels[i])) return false;
  }
  return names.length === levels.length;
}

function emit(emitter: Emitter, name: string): Promise<void> {
  return new Promise((resolve) => emitter.emit({ topic: name }, () => resolve()));
}

test("each listener whose filter matches gets a message once, also after others have gone", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(filter, { maxLength: 8 }), topic, fc.nat(7), async (filters, name, gone) => {
      const emitter = new Emitter();
      const got = new Array<number>(filters.length).fill(0);
      const listeners = filters.map((_, i): Listener => {
        return (_message, done) => {
          got[i] = got[i]! + 1;
          setImmediate(done);
        };
      });
      for (const [i, pattern] of filters.entries()) emitter.on(pattern, listeners[i]!);
      await emit(emitter, name);
      await emit(emitter, name); // from memory
      assert.deepEqual(
        got,
        filters.map((pattern) => (matches(pattern, name) ? 2 : 0)),
      );
      const pattern = filters[gone];
      if (pattern === undefined) return;
      emitter.removeListener(pattern, listeners[gone]!);
      await emit(emitter, name);
      assert.deepEqual(
        got,
        filters.map((one, i) => (matches(one, name) ? (i === gone ? 2 : 3) : 0)),
      );
    }),
  );
});

test("is never done at once, so that nobody reads on from within a parser", async () => {
  const emitter = new Emitter();
  let done = false;
  emitter.emit({ topic: "a" }, () => (done = true));
  assert.equal(done, false);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(done, true);
});

test("waits for the slowest listener", async () => {
  const emitter = new Emitter();
  const open: (() => void)[] = [];
  for (const pattern of ["a", "+", "#"]) emitter.on(pattern, (_message, done) => open.push(done));
  let through = false;
  emitter.emit({ topic: "a" }, () => (through = true));
  assert.equal(open.length, 3);
  for (const done of open.slice(0, 2)) done();
  assert.equal(through, false);
  (open[2] as () => void)();
  assert.equal(through, true);
});

test("a hundred thousand messages whose listeners let go at the same moment do not exhaust the stack", async () => {
  const emitter = new Emitter();
  const open: (() => void)[] = [];
  emitter.on("a", (_message, done) => open.push(done));
  let through = 0;
  for (let i = 0; i < 100_000; i++) emitter.emit({ topic: "a" }, () => through++);
  for (const done of open) done();
  assert.equal(through, 100_000);
});
