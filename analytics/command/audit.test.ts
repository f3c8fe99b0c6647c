import assert from "node:assert/strict";
import { test } from "node:test";
import { JobStore } from "../store/job-store.ts";
import { runHeCommand } from "../testing/he-command.ts";
import { KeyedEngine, WINDOW } from "../testing/keyed-engine.ts";

test("an audit recomputes a job from what is stored, and names every difference", async (t) => {
  const keyed = await KeyedEngine.open(t);
  const series = ["whole"];
  const day = (meter: number): number[] => Array.from({ length: WINDOW.slots }, (_, slot) => meter * 100 + slot);
  const inputs = [];
  for (const meter of [1, 2, 3]) {
    inputs.push(await keyed.take(`m-00${meter}`, "whole", day(meter)));
  }
  const order = { circuit: "variance", parameters: {}, label: "f-1", feeders: ["f-1"], series };
  const watch = { signal: new AbortController().signal, progress: () => {} };
  const computed = await keyed.evaluator.compute({ ...order, epoch: 1, window: WINDOW, inputs }, watch);
  const jobs = new JobStore(keyed.db);
  const number = jobs.add({ ...order, ...WINDOW, request: "test" }, "queued", 0)!;
  const audit = (...flags: string[]) => runHeCommand(keyed.folder, ["audit", String(number), ...flags]);
  const early = await audit();
  assert.equal(early.code, 2);
  assert.match(early.stderr, /audit 1: it is queued; there is nothing to audit before it is computed/);

  jobs.progress(number, 3, 3);
  jobs.computed(number, { ...computed, leftOut: [] }, 0);
  const good = await audit();
  assert.equal(good.code, 0, good.stderr);
  assert.match(
    good.stdout,
    /job 1: every byte is as the transcript says \(3 inputs, 2 outputs, recomputed in \d+ ms\)/,
  );

  const stored = Buffer.from(computed.outputs[1]!);
  stored[1_000]! ^= 1;
  keyed.db.prepare("UPDATE job_outputs SET bytes = ? WHERE position = 1").run(stored);
  const damaged = await audit("--json");
  assert.equal(damaged.code, 1);
  const { findings } = JSON.parse(damaged.stdout) as { findings: string[] };
  assert.deepEqual(findings, ["output 1 differs from the stored one"]);

  keyed.db.prepare("DELETE FROM ciphertexts WHERE meter = 'm-002'").run();
  assert.match((await audit()).stdout, /m-002 whole: the ciphertext is not stored/);
});
