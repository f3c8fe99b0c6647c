import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { GATES, atMost, formatRow, formatSummary, runGate, selectGates } from "./gates.ts";
import type { Gate } from "./gates.ts";

function gate(name: string, program = "program", args: readonly string[] = []): Gate {
  return { name, about: `about ${name}`, program, args };
}

function selected(...names: string[]): string[] {
  return selectGates(GATES, names).map(({ name }) => name);
}

test("selects all gates, or the named ones in their own order", () => {
  assert.deepEqual(selected(), ["lint", "boundaries", "unused", "formatting"]);
  assert.deepEqual(selected("formatting", "lint"), ["lint", "formatting"]);
});

test("a gate that another one does as well is left out beside it alone", () => {
  assert.deepEqual(selected("types", "lint"), ["lint"]);
  assert.deepEqual(selected("types", "browser"), ["types", "browser"]);
  const known = new Set(GATES.map(({ name }) => name));
  assert.ok(GATES.every(({ within }) => within === undefined || known.has(within)));
});

test("refuses a gate that does not exist", () => {
  assert.throws(() => selectGates([gate("a"), gate("b")], ["c"]), /RangeError: gate: expected one of a, b, got "c"/);
});

test("runs at most the given number at a time and keeps the order", async () => {
  let running = 0;
  let most = 0;
  const results = await atMost(2, [3, 1, 2, 0, 4], async (item) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    running--;
    return item * 10;
  });
  assert.deepEqual(results, [30, 10, 20, 0, 40]);
  assert.equal(most, 2);
});

test("a gate passes on exit code 0 only, and keeps what was said on both streams", async (context) => {
  const root = await mkdtemp(join(tmpdir(), "wattveil-gates-"));
  context.after(() => rm(root, { recursive: true }));
  const program = join(root, "node_modules/.bin/program");
  await mkdir(join(root, "node_modules/.bin"), { recursive: true });
  await writeFile(program, '#!/bin/sh\necho "in $(pwd)"; echo complaint >&2; exit $1\n');
  await chmod(program, 0o755);
  let time = 0;
  const now = (): number => (time += 1500);

  const good = await runGate(gate("good", "program", ["0"]), root, now);
  assert.deepEqual([good.passed, good.seconds], [true, 1.5]);
  const bad = await runGate(gate("bad", "program", ["3"]), root, now);
  assert.equal(bad.passed, false);
  assert.match(bad.output, /complaint/);
  assert.match(bad.output, /in .*wattveil-gates-/);
  const absent = await runGate(gate("absent", "nothing-here"), root, now);
  assert.equal(absent.passed, false);
  assert.match(absent.output, /nothing-here could not be run: .*ENOENT/);
});

test("prints a row per gate, the output of those that failed, and the verdict", () => {
  const good = { gate: gate("types"), passed: true, seconds: 2.34, output: "chatter" };
  const bad = { gate: gate("lint"), passed: false, seconds: 12, output: "x.ts: wrong\n" };
  assert.equal(formatRow(good), "types       ok          2.3");
  assert.equal(formatRow(bad), "lint        FAILED     12.0");
  assert.equal(formatSummary([good, bad]), "\n--- lint (about lint)\nx.ts: wrong\n\n1 of 2 gates failed: lint");
  assert.equal(formatSummary([good]), "\n1 of 1 gates passed");
});
