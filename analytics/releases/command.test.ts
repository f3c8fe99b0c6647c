/** The command line beside a system with other slots and days than its own configuration has. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../config/index.ts";
import type { RoleContext } from "../../config/runtime/role-command.ts";
import { release } from "../../config/schema-releases.ts";
import { noteClock } from "../presence.ts";
import { captured } from "../testing/in-process.ts";
import { runReleases } from "./command.ts";
import { releasesPlace } from "../../config/storage/place.ts";
import { ReleaseStore } from "./store.ts";

test("dates and slots are those of the system that released, whatever the caller's configuration says", async (t) => {
  const data = mkdtempSync(join(tmpdir(), "wattveil-releases-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const config = { ...loadConfig({ env: {} }), paths: { data, logs: data, results: data } };
  assert.equal(config.system.slotSeconds, 900);
  mkdirSync(join(data, "analytics"));
  const store = new ReleaseStore(releasesPlace(config), { alone: false });
  t.after(() => store.close());
  const settings = release.parse({ name: "daily", type: "histogram", epsilon: 1, minMeters: 10, edgesWh: [5_000] });
  const firstSlot = Date.parse("2025-03-03T00:00:00-05:00") / 1_000 / 3_600;
  store.add({ settings, firstSlot, dueAt: 0, askedAt: 0 });
  noteClock(store.db, { slotSeconds: 3_600, timezone: "America/Bogota" });
  const run = async (operands: string[], options: object): Promise<string> => {
    const context = { config, operands, options, json: false, signal: new AbortController().signal };
    const { result, stdout } = await captured(() => runReleases(context as unknown as RoleContext));
    assert.equal(result, 0);
    return stdout;
  };
  assert.match(await run(["releases"], {}), /daily 0 .* 2025-03-03 /);
  const flags = { name: "daily", edges: "5000", epsilon: "1", minMeters: "10", from: "2025-03-04", wait: false };
  await run(["ask", "histogram"], flags);
  assert.equal(store.get(2)?.firstSlot, firstSlot + 24);
});
