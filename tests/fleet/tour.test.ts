/** The tour runs a system of its own and tells its truth, with nothing left behind. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./testing/command.ts";

interface Chapter {
  readonly title: string;
  readonly lines: readonly string[];
}

test("every step is told with the data of its own run", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-tour-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const env = { ...process.env, TMPDIR: folder };
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["config/runtime/start.mjs", "firmware-sim/tour-main.ts", "--json"],
    { cwd: ROOT, encoding: "utf8", env },
  );
  assert.equal(status, 0, stderr);
  const chapters = JSON.parse(stdout) as Chapter[];
  const text = chapters.map(({ lines }) => lines.join("\n"));
  const [, used] = /it used (\d+) Wh/.exec(text[0]!)!;
  assert.equal(text[2]!.match(/ fits$/gm)?.length, 4, "every guess fits one share");
  assert.doesNotMatch(text[2]!, /does not fit/);
  assert.match(text[3]!, new RegExp(`is ${used!} Wh at 0, the reading`));
  assert.match(text[4]!, /Wh of 10 meters\n.*each is exact/s);
  assert.match(text[5]!, /peak .*\n[^]*EUR\n.*exact to the watt-hour/);
  assert.match(text[6]!, /variance +of 10 meters, within/);
  assert.match(text[7]!, /has written \d+ entries/);
  assert.ok(text.every((chapter) => !chapter.includes("NOT")));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("wattveil-tour")),
    [],
  );
});
