/** The checker as a command: what cannot be checked is no verdict. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const START = fileURLToPath(new URL("../../../config/runtime/start.mjs", import.meta.url));

function check(...args: readonly string[]): { code: number | null; stderr: string } {
  const command = [START, "firmware-sim/chaos-check-main.ts", ...args];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  return { code: status, stderr };
}

test("a folder that is no run's, or whose manifest is none, is refused with exit code 2", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-check-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const empty = check(folder);
  assert.deepEqual([empty.code, empty.stderr.includes("run.json does not exist")], [2, true], empty.stderr);
  writeFileSync(join(folder, "run.json"), '{"version": 2}');
  const wrong = check(folder);
  assert.deepEqual([wrong.code, /run\.json: .*version/s.test(wrong.stderr)], [2, true], wrong.stderr);
  const none = check();
  assert.deepEqual([none.code, none.stderr.includes("missing required argument 'folder'")], [2, true], none.stderr);
});
