import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { describeLeftOut, isOnPath, neededCommands, partByNeeds, searchPath } from "./needs.ts";

test("reads the commands of a needs line, each once", () => {
  assert.deepEqual(neededCommands("/** Job. */\n// needs: mosquitto sqlite3\nimport x;\n"), ["mosquitto", "sqlite3"]);
  assert.deepEqual(neededCommands("// needs: a, b\n// needs: b c\r\n"), ["a", "b", "c"]);
});

test("reads no needs from a line that only mentions them", () => {
  assert.deepEqual(neededCommands("const text = '// needs: nothing';\n  // needs: indented\n"), []);
});

test("adds the folders of daemons to PATH, after the user's own", () => {
  const path = searchPath(["/home/me/bin", "/usr/sbin", ""].join(delimiter), ["/opt/server"]).split(delimiter);
  assert.deepEqual(path, ["/home/me/bin", "/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/server"]);
});

test("finds an executable file on PATH, but no plain file and no folder", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "wattveil-needs-"));
  context.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "runs"), "#!/bin/sh\n");
  await chmod(join(folder, "runs"), 0o755);
  await mkdir(join(folder, "folder"));
  const path = ["/nowhere", folder].join(delimiter);
  assert.equal(isOnPath("runs", path), true);
  assert.equal(isOnPath("folder", path), false);
  assert.equal(isOnPath("absent", path), false);
});

test("parts files by what they miss and names it", () => {
  const needs: Record<string, string[]> = { "a.test.ts": [], "b.test.ts": ["has", "lacks"], "c.test.ts": ["has"] };
  const { runnable, leftOut } = partByNeeds(
    Object.keys(needs),
    (file) => needs[file] ?? [],
    (command) => command === "has",
  );
  assert.deepEqual(runnable, ["a.test.ts", "c.test.ts"]);
  assert.deepEqual(leftOut, [{ file: "b.test.ts", missing: ["lacks"] }]);
  assert.match(
    describeLeftOut(leftOut, false),
    /^LEFT OUT: 1 test file whose programs .*\n {2}b\.test\.ts: needs lacks$/,
  );
  assert.match(describeLeftOut(leftOut, true), /CI is set: this run fails/);
});
