/** The command as it is documented: every line of docs/grid.md runs, and wrong usage ends with 2 and says what was wrong. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { runInProcess } from "../../testing/in-process.ts";
import { GRID } from "./grid.ts";

const ROOT = join(import.meta.dirname, "../../..");
const PAGE = readFileSync(join(ROOT, "docs/grid.md"), "utf8");
const SHOWN = (/^```sh\n([\s\S]*?)^```$/m.exec(PAGE)?.[1] ?? "").trim().split("\n");

const grid = (folder: string, args: readonly string[]): ReturnType<typeof runInProcess> =>
  runInProcess(GRID, folder, args);

test("every command of the page works, with the figures that it shows", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-grid-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  assert.ok(SHOWN.length >= 6);
  const said: string[] = [];
  for (const line of SHOWN) {
    const words = line.split(" ");
    assert.deepEqual(words.slice(0, 4), ["npm", "run", "grid", "--"], line);
    const { code, stdout, stderr } = await grid(folder, words.slice(4));
    assert.equal(code, 0, `${line}: ${stderr}`);
    said.push(stdout);
  }
  const closed = await grid(folder, ["flow", "case33bw", "--open", "7,9,14,32,37"]);
  assert.match(closed.stderr, /branches 33, 34, 35, 36, open in case33bw, closed here/);
  assert.equal((await grid(folder, ["flow", "case33bw"])).stderr, "");
  const [optimum = "", limits = "", , town = "", , states = ""] = said;
  const squeezed = (text: string): string => text.replaceAll(/[ │]+/g, " ");
  const table = (/^```text\n([\s\S]*?)^```$/m.exec(PAGE)?.[1] ?? "").trim().split("\n");
  assert.ok(table.length >= 4);
  for (const line of table) assert.ok(squeezed(optimum).includes(squeezed(line)), `${line}\n${optimum}`);
  const report = JSON.parse(limits) as { converged: boolean; losses: { technicalMw: number }; buses: unknown[] };
  assert.ok(report.converged && Math.abs(report.losses.technicalMw - 13.393) < 1e-3 && report.buses.length === 14);
  assert.match(town, /radial120: 120 buses/);
  assert.match(states, /24 scans: \d+ trusted, .*Samples are simulated\./);
  const csv = /^```csv\n([\s\S]*?)^```$/m.exec(PAGE)?.[1] ?? "";
  writeFileSync(join(folder, "shown.csv"), csv);
  const untold = await grid(folder, ["estimate", "case33bw", "--scada", "shown.csv"]);
  assert.equal(untold.code, 1);
  assert.match(untold.stdout, /unobservable/);
  assert.doesNotMatch(untold.stdout, /Infinity|NaN/);
  const shown = await grid(folder, ["estimate", "case33bw", "--scada", "shown.csv", "--json"]);
  assert.equal(shown.code, 1, "three samples do not tell 33 voltages");
  assert.match(shown.stdout, /"status":"unobservable"/);

  const truth = [
    "scada",
    "case14",
    "--scans",
    "3",
    "--bad-rate",
    "0.1",
    "--out",
    "o.csv",
    "--truth",
    "t.csv",
    "--json",
  ];
  const summary = JSON.parse((await grid(folder, truth)).stdout) as {
    scans: number;
    simulated: boolean;
    wrong: number;
  };
  const rows = readFileSync(join(folder, "t.csv"), "utf8").trim().split("\n");
  assert.ok(summary.simulated && summary.scans === 3 && rows.length === summary.wrong + 1 && summary.wrong > 10);
});

test("wrong usage ends with 2, a grid without a power flow with 1, and both say why", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-grid-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "bad.m"), "mpc.baseMVA = 1;\nmpc.bus = [1 2 x];\n");
  const cases: [string, number, RegExp][] = [
    ["", 2, /expected flow, generate, scada, estimate, optimise, paths, train, evaluate and one operand, got nothing/],
    ["flow nothere", 2, /nothere is no case \(demo8, .*\), and no file that can be read \(ENOENT\)/],
    ["flow bad.m", 2, /bad\.m, line 2: mpc\.bus: expected 13 columns or more, got 3/],
    ["flow case33bw --open 40", 2, /open: there is no branch 40 in case33bw/],
    ["flow case9 --method sweep", 2, /method: a sweep takes a radial grid/],
    ["flow case33bw --open 1", 1, /no power flow \(islanded\): buses 2, 3/],
    ["generate round", 2, /generate: expected radial or meshed, got round/],
    ["generate meshed --ties 3", 2, /--ties: not for meshed grids/],
    ["scada case9 --events fire", 2, /--events: expected some of sag,swell,/],
    ["estimate case9", 2, /estimate: expected --scada with a CSV of scans/],
    ["estimate case9 --scada none.csv", 2, /none\.csv cannot be read \(ENOENT\)/],
    ["generate radial --nodes 3 --out none/x.m", 1, /none\/x\.m cannot be written \(ENOENT\)/],
  ];
  for (const [line, code, message] of cases) {
    const result = await grid(folder, line === "" ? [] : line.split(" "));
    assert.match(result.stderr, message, line);
    assert.equal(result.code, code, line);
  }
});

test("the command itself starts, helps and tells wrong usage by its exit code", async () => {
  const started = (...args: string[]) =>
    promisify(execFile)(process.execPath, [
      join(ROOT, "config/runtime/start.mjs"),
      join(ROOT, "analytics/grid/main.ts"),
      ...args,
    ]);
  const { stdout } = await started("--help");
  for (const verb of ["flow", "generate", "scada", "estimate"]) assert.match(stdout, new RegExp(`^  ${verb} `, "m"));
  await assert.rejects(started("flow", "nothere"), { code: 2 });
});
