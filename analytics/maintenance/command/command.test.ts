/** The command from a made-up fleet to a schedule, its files, and what it says of wrong ones. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { captured, contextOf } from "../../testing/in-process.ts";
import { UsageError } from "../../../config/runtime/role-command.ts";
import { HISTORY_COLUMNS, historiesCsv, readHistories, SimulatedFleet } from "../index.ts";
import { MAINTENANCE } from "./maintenance.ts";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "wattveil-maintenance-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs the command in this process; gives what it printed. */
async function said(line: readonly string[]): Promise<string> {
  const { result, stdout } = await captured(async () => await MAINTENANCE.run(contextOf(MAINTENANCE, line)));
  assert.equal(result, 0, line.join(" "));
  return stdout;
}

test("from a made-up fleet to a schedule and a comparison", async (t) => {
  const path = folder(t);
  const [one, two, model, own] = ["1.csv", "2.csv", "m.json", "own.mjs"].map((name) => join(path, name));
  const size = ["--transformers", "200", "--lines", "0", "--years", "4"];
  for (const [seed, file] of [
    ["1", one!],
    ["5", two!],
  ] as const) {
    assert.match(await said(["simulate", "--seed", seed, ...size, "--out", file]), /All of it is simulated/);
  }
  assert.match(
    await said(["fit", "--histories", one!, "--calibration", two!, "--out", model!]),
    /failures; from simulated histories\.\nFewer than 40 failures tell little/,
  );
  const judged = JSON.parse(await said(["evaluate", "--model", model!, "--seeds", "7", ...size, "--json"])) as {
    simulated: boolean;
    model: { auc: number };
    bestPossible: { auc: number };
  };
  assert.ok(
    judged.simulated && judged.model.auc > 0.6 && judged.bestPossible.auc > 0.7,
    JSON.stringify(judged.model.auc),
  );
  assert.match(await said(["evaluate", "--model", model!, "--histories", two!]), /untrained, 20 draws/);
  writeFileSync(own!, 'export const model = { name: "mine", probability: ({ ageYears }) => ageYears / 200 };\n');
  assert.match(await said(["evaluate", "--own", own!, "--histories", two!]), /mine/);

  const plan = JSON.parse(
    await said(["schedule", "--model", model!, "--histories", two!, "--hours", "12", "--json"]),
  ) as {
    cost: number;
    bound: number;
    nothingDone: number;
    hours: number[];
    assets: { action?: string; remainingYears: object; losses: { lossRatio: number } }[];
  };
  assert.ok(plan.cost < plan.nothingDone && plan.bound <= plan.cost && plan.hours.every((hours) => hours <= 12));
  assert.ok(plan.assets.some(({ action }) => action === "service"));
  assert.ok(plan.assets.every(({ losses }) => losses.lossRatio > 0.8 && losses.lossRatio < 1.6));
  const small = ["--seeds", "9", "--transformers", "30", "--lines", "0", "--years", "1"];
  assert.match(await said(["compare", "--model", model!, ...small]), /run to failure[\s\S]*planned by logistic/);
  const refused: [string[], RegExp][] = [
    [[], /expected one of simulate, fit, evaluate, schedule, compare, got nothing/],
    [["simulate"], /simulate: expected --out with a file/],
    [["simulate", "--out", one!, "--years", "x"], /--years: expected 1.5 to 30, got "x"/],
    [["fit", "--histories", one!, "--calibration", one!, "--out", model!], /expected another fleet/],
    [["evaluate", "--model", join(path, "none.json")], /none\.json cannot be read \(ENOENT\)/],
    [["evaluate", "--model", one!], /1\.csv is no JSON/],
    [["evaluate", "--own", one!], /cannot be loaded/],
    [["schedule", "--model", model!, "--histories", two!, "--weeks", "27"], /--weeks: expected 1 to 26/],
  ];
  for (const [line, message] of refused) {
    await assert.rejects(
      said(line),
      (error) => error instanceof UsageError && message.test(error.message),
      line.join(" "),
    );
  }
});

test("histories survive their file, and what is wrong in one is named by line", (t) => {
  const file = join(folder(t), "h.csv");
  const fleet = new SimulatedFleet({ seed: 3, transformers: 1, lines: 1 });
  for (let week = 0; week < 3; week++) fleet.live();
  const histories = fleet.watched().map(({ history }) => history);
  const text = historiesCsv(histories);
  writeFileSync(file, text);
  const read = readHistories(file);
  assert.deepEqual(
    read.map(({ asset, kind, simulated, firstDay }) => ({ asset, kind, simulated, firstDay })),
    histories.map(({ asset, kind, simulated, firstDay }) => ({ asset, kind, simulated, firstDay })),
  );
  assert.ok(Math.abs(read[0]!.weeks.temperature_c[1]! - histories[0]!.weeks.temperature_c[1]!) < 1e-3);
  assert.match(readFileSync(file, "utf8"), /,true\n$/);
  const row = (changes: Partial<Record<(typeof HISTORY_COLUMNS)[number], string>>): string => {
    const lines = text.split("\n");
    const fields = lines[2]!.split(",");
    lines[2] = HISTORY_COLUMNS.map((name, i) => changes[name] ?? fields[i]!).join();
    return lines.join("\n");
  };
  const wrong: [string, RegExp][] = [
    ["a,b\n1,2\n", /line 1: expected the columns asset,kind,/],
    [`${HISTORY_COLUMNS.join()}\n`, /has no weeks/],
    [row({ kind: "cable" }), /line 3: kind: expected transformer or line, got cable/],
    [row({ week: "2023-01-10" }), /line 3: week: expected 2023-01-09, got 2023-01-10/],
    [row({ load_mean: "-1" }), /line 3: load_mean: expected 0 to 5, got -1/],
    [row({ life_used: "" }), /line 3: life_used: expected 0 to 10, got nothing/],
    [row({ failed: "yes" }), /line 3: failed: expected true or false, got yes/],
    [row({ failed: "true" }), /line 4: failed: T0001 failed in the row above/],
    [row({ asset: "X" }), /line 4: asset: rows of T0001 do not stand together/],
    ['a,"b\n', /is no CSV of asset,/],
  ];
  for (const [content, message] of wrong) {
    writeFileSync(file, content);
    assert.throws(() => readHistories(file), message);
  }
  writeFileSync(file, row({ temperature_c: "" }));
  assert.ok(Number.isNaN(readHistories(file)[0]!.weeks.temperature_c[1]!));
});
