import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadConfig } from "../../config/index.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { assertSameRun, keepRun } from "./asked-run.ts";
import { learnRequest } from "./request.ts";

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "wattveil-asked-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a folder takes the run that it was begun with again, and no other", (t) => {
  const data = folder(t);
  assertSameRun(data, { "--epsilon": 8 });
  keepRun(data, { "--epsilon": 8, "--readings": "" });
  const kept = readFileSync(join(data, "fleet", "asked.json"), "utf8");
  keepRun(data, { "--epsilon": 8, "--readings": "" });
  for (const other of [{ "--epsilon": 4, "--readings": "" }, { "--epsilon": 8 }]) {
    assert.throws(() => keepRun(data, other), UsageError);
  }
  assert.throws(
    () => assertSameRun(data, { "--epsilon": "none", "--readings": "" }),
    /was begun with --epsilon 8, got none: give this one a --data folder of its own/,
  );
  assert.equal(readFileSync(join(data, "fleet", "asked.json"), "utf8"), kept);
  writeFileSync(join(data, "fleet", "asked.json"), "{");
  assert.throws(() => assertSameRun(data, {}), /asked\.json: says no more what its run was asked for/);
});

test("other flags for a run that is there are refused before homes are generated; so is weather that cannot be read", async (t) => {
  const data = folder(t);
  const config = { ...loadConfig({ profile: "demo", env: {} }), paths: { data, logs: data, results: data } };
  keepRun(data, { "--homes": 9 });
  const ask = async (options: Record<string, unknown>): Promise<unknown> =>
    await learnRequest({ config, options: { data, ...options }, json: true, signal: AbortSignal.abort() });
  await assert.rejects(ask({ homes: "5" }), /was begun with --homes 9, got 5; --rounds nothing, got 30/);
  const fresh = { ...config, paths: { ...config.paths, data: join(data, "fresh") } };
  const options = { data: fresh.paths.data, weather: join(data, "none.csv") };
  await assert.rejects(
    learnRequest({ config: fresh, options, json: true, signal: AbortSignal.abort() }),
    /none\.csv.*ENOENT|none\.csv/,
  );
});
