import assert from "node:assert/strict";
import { test } from "node:test";
import { handlersOf, type Sources } from "./handlers.ts";
import { SharedWork } from "./shared-work.ts";

test("work is done once for all who ask meanwhile, and begun anew after it failed", async () => {
  const begun: { resolve: (value: number) => void; reject: (error: Error) => void }[] = [];
  const shared = new SharedWork(() => new Promise<number>((resolve, reject) => begun.push({ resolve, reject })));
  const [one, two] = [shared.run(), shared.run()];
  assert.equal(begun.length, 1);
  begun[0]!.reject(new Error("no room"));
  await assert.rejects(one, /no room/);
  await assert.rejects(two, /no room/);
  const three = shared.run();
  begun[1]!.resolve(3);
  assert.equal(await three, 3);
});

test("a request for maintenance that is given up ends no training; the next one finds it under way", async () => {
  let trainings = 0;
  let finish = (): void => {};
  const training = new SharedWork(async () => {
    trainings += 1;
    await new Promise<void>((resolve) => (finish = resolve));
  });
  const planned: AbortSignal[] = [];
  const threads = {
    trained: () => training.run(),
    run: async (name: string, _task: unknown, signal: AbortSignal) => {
      assert.equal(name, "maintenance");
      planned.push(signal);
      return "a plan";
    },
  } as unknown as Sources["threads"];
  const { maintenance } = handlersOf({ threads } as unknown as Sources);
  const request = { kind: "maintenance", weeks: 26, hoursPerWeek: 40 } as const;
  const [first, second] = [new AbortController(), new AbortController()];
  const one = maintenance(request, first.signal) as Promise<unknown>;
  const two = maintenance(request, second.signal) as Promise<unknown>;
  first.abort(new Error("given up"));
  finish();
  await assert.rejects(one, /given up/);
  assert.equal(await two, "a plan");
  assert.equal(trainings, 1);
  assert.deepEqual(planned, [second.signal]);
});
