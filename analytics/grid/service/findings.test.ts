import assert from "node:assert/strict";
import { test } from "node:test";
import { bundledGrid } from "../index.ts";
import type { TrustedState } from "../estimate/tracker.ts";
import { type Fault, FindingBook, SampleFaults } from "./findings.ts";

test("many scans of one interval count as one, and so does one report that is remembered", () => {
  const fault: Fault = { kind: "overload", element: "branch:1", value: 120, limit: 100, unit: "%" };
  const book = new FindingBook();
  const scans = [5, 5, 5, 10, 10, 15].map((time) => book.update(time, [fault]).findings[0]!.scans);
  assert.deepEqual(scans, [1, 1, 1, 2, 2, 3]);

  const samples = new SampleFaults();
  const measurement = { quantity: "p", index: 1, value: 0, sigma: 1, origin: "sensor", points: ["demand:2"] };
  const kinds = (time: number, held: readonly string[] = []): string[] => {
    const estimate = { removed: [{ measurement, residual: 10, normalisedResidual: 10 }], residualLimit: 4 };
    const state = { time, estimate, dead: [], missing: [], contradictedBreakers: [], grid: bundledGrid("case33bw") };
    return samples.of({ ...state, held: new Set(held) } as unknown as TrustedState).map(({ kind }) => kind);
  };
  for (const time of [5, 5, 5, 5, 10, 10]) assert.deepEqual(kinds(time), ["bad-data"], `at ${time}`);
  assert.deepEqual(kinds(15, ["demand:2"]), ["bad-data"], "what was said before");
  assert.deepEqual(kinds(20), ["theft"]);
});
