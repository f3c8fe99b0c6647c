import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../problem.ts";
import { FairTurns } from "./fair-turns.ts";

const PATIENT = 60_000;

/** Work that ends when it is told to. */
function work(): { readonly run: () => Promise<string>; readonly end: () => void; readonly begun: boolean } {
  let end = (): void => {};
  const done = new Promise<string>((resolve) => (end = () => resolve("done")));
  const made = {
    begun: false,
    end: () => end(),
    run: () => {
      made.begun = true;
      return done;
    },
  };
  return made;
}

test("an account's long questions take turns; its quick ones and those of others do not wait", async () => {
  const turns = new FairTurns(3);
  const [first, second, quick, other] = [work(), work(), work(), work()];
  const one = turns.run("eva", true, PATIENT, first.run);
  const two = turns.run("eva", true, PATIENT, second.run);
  const three = turns.run("eva", false, PATIENT, quick.run);
  const four = turns.run("otto", true, PATIENT, other.run);
  await new Promise(setImmediate);
  assert.deepEqual(
    [first, second, quick, other].map(({ begun }) => begun),
    [true, false, true, true],
  );
  await assert.rejects(
    turns.run("eva", false, PATIENT, work().run),
    (error) =>
      error instanceof Problem && error.status === 429 && error.code === "grid-share" && error.retryAfter === 2,
  );
  first.end();
  assert.equal(await one, "done");
  await new Promise(setImmediate);
  assert.equal(second.begun, true);
  for (const each of [second, quick, other]) each.end();
  assert.deepEqual(await Promise.all([two, three, four]), ["done", "done", "done"]);
});

test("a turn that does not come is given up, and what fails passes its turn on", async () => {
  const turns = new FairTurns(3);
  const [first, third] = [work(), work()];
  const one = turns.run("eva", true, PATIENT, async () => {
    await first.run();
    throw new RangeError("no");
  });
  await assert.rejects(
    turns.run("eva", true, 1, () => assert.fail("not its turn")),
    (error) => error instanceof Problem && error.code === "grid-busy",
  );
  const three = turns.run("eva", true, PATIENT, third.run);
  first.end();
  await assert.rejects(one, /no/);
  third.end();
  assert.equal(await three, "done");
});
