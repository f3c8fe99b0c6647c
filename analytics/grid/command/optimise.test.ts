/** The optimiser's page: its commands run as they stand there, only shorter where they train or judge for a minute. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { commandsOf, runInProcess } from "../../testing/in-process.ts";
import { GRID } from "./grid.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-optimise-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("every command of the page works", async (t) => {
  const folder = folderOf(t);
  const commands = commandsOf("docs/optimiser.md", "grid");
  assert.ok(commands.length >= 8);
  for (const words of commands) {
    const [verb, grid] = words;
    const number = words.indexOf("--updates") + 1;
    if (number > 0) words[number] = "1";
    // Some minutes of the large feeders' optima; the demo grid's own line runs the same code.
    if (verb === "evaluate" && grid !== "demo8") continue;
    const { code, stdout, stderr } = await runInProcess(GRID, folder, words);
    assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
    assert.ok(verb === "train" || stdout.length > 100, words.join(" "));
  }
});

interface Report {
  readonly open: readonly number[];
  readonly toOpen: readonly number[];
  readonly toClose: readonly number[];
  readonly flows: number;
  readonly reference: {
    readonly kind: string;
    readonly proof: string;
    readonly gapPercent: number;
    readonly flows: number;
  };
  readonly after: { readonly lossKw: number; readonly cost: number; readonly violation: number };
}

test("each method says its gap and what it spent; fixed switches, bands, ratings and weights are kept to", async (t) => {
  const folder = folderOf(t);
  const report = async (line: string): Promise<Report> => {
    const { code, stdout, stderr } = await runInProcess(GRID, folder, [
      "optimise",
      "case33bw",
      "--json",
      ...line.split(" "),
    ]);
    assert.equal(code, 0, `${line}: ${stderr}`);
    return JSON.parse(stdout) as Report;
  };
  for (const method of ["policy", "exchange", "random", "bound"]) {
    const found = await report(`--method ${method}`);
    const { reference, after, flows } = found;
    assert.ok(reference.kind === "certified" && reference.proof === "bound", method);
    assert.ok(reference.gapPercent >= 0 && after.lossKw >= 139.55 && flows > 0);
    assert.equal(reference.gapPercent < 1e-6, method !== "random");
    if (method !== "bound") continue;
    // The case has its ties 33 to 37 open.
    assert.deepEqual(
      [found.open, found.toOpen, found.toClose],
      [
        [7, 9, 14, 32, 37],
        [7, 9, 14, 32],
        [33, 34, 35, 36],
      ],
    );
  }
  const kept = await report("--keep-closed 7,14 --keep-open 20 --method bound");
  assert.deepEqual(
    [7, 14, 20].map((id) => kept.open.includes(id)),
    [false, false, true],
  );
  assert.ok(kept.after.lossKw > 139.56);
  const tight = await report("--v-min 0.95 --violation-weight 10 --method policy");
  assert.ok(tight.after.violation > 0 && tight.after.cost > tight.after.lossKw);
  const rated = await report("--assumed-ratings --load-scale 1.3 --risk-weight 20 --method policy");
  assert.ok(rated.after.cost > rated.after.lossKw && rated.reference.gapPercent < 1, JSON.stringify(rated));
});

test("what cannot be is refused by its flag", async (t) => {
  const folder = folderOf(t);
  for (const [line, message] of [
    ["optimise case33bw --keep-closed 5 --broken 5", /keepClosed: branch 5 is broken, or kept open too/],
    ["optimise case33bw --keep-open x", /--keep-open: expected numbers of branches as in 7,9,14, got "x"/],
    ["optimise case33bw --method best", /--method: expected policy, exchange, random, exact, bound, got "best"/],
    ["paths demo8 --method exchange", /--method: expected policy, exact, shortest, random, got "exchange"/],
    ["paths demo8 --broken 40", /broken: there is no branch 40 in demo8/],
    ["train demo8 --task roads --out x.json", /--task: expected switches, paths, got "roads"/],
    ["train demo8 --out x.json", /holds its voltage \(pv\), which a sweep cannot do/],
  ] as const) {
    const { code, stderr } = await runInProcess(GRID, folder, line.split(" "));
    assert.match(stderr, message, line);
    assert.equal(code, 2, line);
  }
});

test("the same seed trains the same file, which says the command that made it, laid out as the formatter does", async (t) => {
  const folder = folderOf(t);
  const line = "train demo8 --task paths --risk-weight 5 --updates 2 --seed 3 --out w.json";
  const texts: string[] = [];
  for (let k = 0; k < 2; k++) {
    assert.equal((await runInProcess(GRID, folder, line.split(" "))).code, 0);
    texts.push(readFileSync(join(folder, "w.json"), "utf8"));
  }
  assert.equal(texts[0], texts[1]);
  const { command } = JSON.parse(texts[0]!) as { command: string };
  assert.equal(command, `npm run grid -- ${line}`);
  assert.ok(texts[0]!.split("\n").every((row) => row.length <= 120 || row.includes("command")));
  const used = await runInProcess(GRID, folder, ["paths", "demo8", "--weights", "w.json", "--json"]);
  assert.match(used.stdout, /"kind":"certified"/);
});
