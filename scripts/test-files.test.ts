import assert from "node:assert/strict";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ignoredFolders, listTestFiles, selectFiles } from "./test-files.ts";

async function tree(context: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "wattveil-test-files-"));
  context.after(() => rm(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return root;
}

test("takes folder lines of a .gitignore, not files, patterns, comments or exceptions", () => {
  const names = ignoredFolders("data/\n/results/\r\n*.db\n# logs/\n!keep/\ncoverage\na*/\n");
  assert.deepEqual([...names].sort(), ["data", "node_modules", "results"]);
});

test("lists test files at any depth, sorted, outside ignored and hidden folders", async (context) => {
  const root = await tree(context, {
    ".gitignore": "data/\n",
    "b.test.ts": "",
    "b.ts": "",
    "a/deep/er/a.test.ts": "",
    "a/data/no.test.ts": "",
    "node_modules/x/no.test.ts": "",
    ".cache/no.test.ts": "",
  });
  assert.deepEqual(listTestFiles(root), ["a/deep/er/a.test.ts", "b.test.ts"]);
});

test("lists without a .gitignore too", async (context) => {
  const root = await tree(context, { "a.test.ts": "" });
  assert.deepEqual(listTestFiles(root), ["a.test.ts"]);
});

const FILES = ["broker/limits.test.ts", "broker/main.test.ts", "protocol/field.test.ts"];

test("selects everything without filters", () => {
  assert.deepEqual(selectFiles("/r", FILES, []), FILES);
});

test("selects by folder, by file, by part of a name and by absolute path, each file once", () => {
  assert.deepEqual(selectFiles("/r", FILES, ["broker/"]), FILES.slice(0, 2));
  assert.deepEqual(selectFiles("/r", FILES, ["./protocol/field.test.ts"]), FILES.slice(2));
  assert.deepEqual(selectFiles("/r", FILES, ["main", "broker"]), FILES.slice(0, 2));
  assert.deepEqual(selectFiles("/r", FILES, ["/r/protocol"]), FILES.slice(2));
});

test("refuses a filter that selects nothing", () => {
  assert.throws(() => selectFiles("/r", FILES, ["broker", "brooker"]), /RangeError: tests: "brooker" selects none/);
});

test("refuses an empty list", () => {
  assert.throws(() => selectFiles("/r", [], []), /no \*\.test\.ts file below \/r/);
});
