/** The limits of what is said about the grid: a full state fits its topic, and requests are refused that ask for too much. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TOPICS } from "../topics.ts";
import {
  FINDING_KINDS,
  type GridState,
  gridRequest,
  gridState,
  MOST_ELEMENTS,
  MOST_FINDINGS,
  REQUEST_BYTES,
} from "./index.ts";

test("the largest state fits its topic", () => {
  // As wide as numbers get with the digits that are published.
  const column = new Array<number>(MOST_ELEMENTS).fill(-1234.567);
  const state: GridState = {
    ...{ case: "x".repeat(64), topology: "f".repeat(16), sequence: 1e9, time: 1.7e9, publishedAt: 1_700_000_000.123 },
    ...{ source: "simulated", simulated: true, stale: false, assumedRatings: true, status: "trusted" },
    loads: { source: "feeders", slotStart: 1.7e9, feeders: 1_000, factor: 1.234567, stale: false },
    totals: {
      ...{ inputMw: 1, deliveredMw: 1, efficiency: 1, lackingMw: 1, risk: 1, leastVoltagePu: 1, mostVoltagePu: 1 },
      ...{ mostLoadingPercent: 1, hottestC: 1 },
      losses: {
        ...{ transmissionLinesMw: 1, transmissionTransformersMw: 1, distributionLinesMw: 1 },
        ...{ distributionTransformersMw: 1, shuntsMw: 1, technicalMw: 1 },
      },
    },
    buses: { vmPu: column, vaDeg: column, loadMw: column, loadMvar: column, generationMw: column, risk: column },
    branches: {
      ...{ closed: column.map(() => 1), fromMw: column, fromMvar: column, toMw: column, currentA: column },
      ...{ loadingPercent: column, temperatureC: column, risk: column },
    },
    cutOff: [],
    faulted: [],
    bad: Array.from({ length: MOST_FINDINGS }, () => "reactive_generation:2000"),
    switching: null,
    findings: Array.from({ length: MOST_FINDINGS }, () => ({
      ...{ kind: "overvoltage", element: "reactive_generation:2000", since: 1.7e9, scans: 1_000, unit: "p.u." },
      ...{ value: 1234.56, limit: 1234.56 },
    })),
    findingsLeftOut: 0,
  };
  const bytes = Buffer.byteLength(JSON.stringify(gridState.parse(state)));
  assert.ok(bytes <= TOPICS.grid.maxBytes, `${bytes} bytes`);
});

test("a request names one kind and keeps within its limits", () => {
  assert.equal(gridRequest.safeParse({ kind: "state" }).success, true);
  assert.deepEqual(gridRequest.parse({ kind: "optimise" }), {
    kind: "optimise",
    method: "policy",
    broken: [],
    repaired: [],
    keepOpen: [],
    keepClosed: [],
    seed: 1,
  });
  const branches = Array.from({ length: 101 }, (_, i) => i + 1);
  for (const wrong of [
    { kind: "erase" },
    { kind: "optimise", method: "guess" },
    { kind: "optimise", broken: branches },
    { kind: "optimise", riskWeight: -1 },
    { kind: "optimise", riskWeight: Number.POSITIVE_INFINITY },
    { kind: "node", bus: 0 },
    { kind: "history", limit: 100_000 },
    { kind: "state", more: 1 },
  ]) {
    assert.equal(gridRequest.safeParse(wrong).success, false, JSON.stringify(wrong));
  }
  const largest = { kind: "optimise", broken: branches.slice(1).map((id) => id + 1e9), method: "exchange" };
  assert.ok(JSON.stringify(gridRequest.parse(largest)).length < REQUEST_BYTES);
});

test("every kind of finding is explained where it is defined", async () => {
  const { readFile } = await import("node:fs/promises");
  const text = await readFile(new URL("finding.ts", import.meta.url), "utf8");
  for (const kind of FINDING_KINDS) assert.match(text, new RegExp(`\\* \\| .*\`${kind}\`.* \\|`), kind);
});
