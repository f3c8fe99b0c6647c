/** The page of renewables: its commands run as they stand there; what cannot be is refused by its flag. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { commandsOf, runInProcess } from "../../testing/in-process.ts";
import { RENEWABLES } from "./renewables.ts";

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-renewables-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("every command of the page works, in its order", async (t) => {
  const folder = folderOf(t);
  const commands = commandsOf("docs/renewables.md", "renewables");
  assert.ok(commands.length >= 6);
  for (const words of commands) {
    const { code, stdout, stderr } = await runInProcess(RENEWABLES, folder, words);
    assert.equal(code, 0, `${words.join(" ")}: ${stderr}`);
    assert.ok(stdout.length > 20, words.join(" "));
  }
});

test("reports are JSON with every slot, and say what is simulated", async (t) => {
  const folder = folderOf(t);
  const run = async (line: string): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await runInProcess(RENEWABLES, folder, [...line.split(" "), "--json"]);
    assert.equal(code, 0, `${line}: ${stderr}`);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const made = await run("weather --days 3 --seed 2 --slot 900 --out w.csv");
  assert.ok(made["simulated"] === true && (made["moments"] as unknown[]).length === 288);
  const mix = await run("mix --weather w.csv --pv 100 --wind 50");
  assert.ok((mix["slots"] as unknown[]).length === 288 && (mix["days"] as unknown[]).length === 3);
  const each = await run("hosting demo8 --mode each --step 50");
  assert.equal((each["buses"] as unknown[]).length, 6);
});

test("where no limit is met none is named", async (t) => {
  const folder = folderOf(t);
  const line = ["hosting", "demo8", "--mode", "each", "--step", "1", "--most", "1"];
  const { code, stdout } = await runInProcess(RENEWABLES, folder, line);
  assert.equal(code, 0);
  assert.match(stdout, /nothing, up to --most/);
  assert.doesNotMatch(stdout, /none 0/);
});

test("what cannot be is refused by its flag", async (t) => {
  const folder = folderOf(t);
  await runInProcess(RENEWABLES, folder, ["weather", "--out", "w.csv"]);
  for (const [line, message] of [
    ["", /expected one of weather, mix, forecast, hosting \(hosting with a case\), got nothing/],
    ["weather case9", /expected one of weather, .* got weather case9/],
    ["weather --lat 95", /latitudeDeg: expected -90 to 90, got 95/],
    ["weather --from June", /--from: expected a day as 2025-06-21, got June/],
    ["mix --pv 5", /expected --weather with a CSV/],
    ["mix --weather none.csv --pv 5", /--weather: none\.csv cannot be read \(ENOENT\)/],
    ["mix --weather w.csv", /mix: expected --pv or --wind with kW above 0/],
    ["mix --weather w.csv --pv 5 --tilt 95", /pv: tiltDeg: expected 0 to 90, got 95/],
    ["forecast --training-days 2", /trainingDays: expected an integer from 3 on, got 2/],
    ["hosting nothere", /nothere is no case/],
    ["hosting case33bw --step 0", /stepKw: expected more than 0, got 0/],
    ["hosting case33bw --mode all", /--mode: expected uniform, each, random, got "all"/],
  ] as const) {
    const { code, stderr } = await runInProcess(RENEWABLES, folder, line === "" ? [] : line.split(" "));
    assert.match(stderr, message, line);
    assert.equal(code, 2, line);
  }
});
