/** Runs the test command itself in small trees: its exit codes, and what its last lines say. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";

const COMMAND = join(import.meta.dirname, "test.ts");
const PASSING = 'import { test } from "node:test";\ntest("passes", (): void => {});\n';
const FAILING = 'import { test } from "node:test";\ntest("fails", (): void => { throw new Error("as told"); });\n';
const NEEDY = `// needs: sh no-such-command-anywhere\n${FAILING}`;

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function runTests(
  context: TestContext,
  files: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  ci = "",
): Promise<Run> {
  const root = await mkdtemp(join(tmpdir(), "wattveil-test-command-"));
  context.after(() => rm(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), COMMAND, ...args], {
    cwd: root,
    env: { ...process.env, CI: ci },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout, stderr };
}

function lastLine(text: string): string | undefined {
  return text.trimEnd().split("\n").at(-1);
}

test("passing tests exit with 0 and end with the counts", async (context) => {
  const { code, stdout, stderr } = await runTests(context, { "a.test.ts": PASSING });
  assert.equal(code, 0, stdout);
  assert.doesNotMatch(stderr, /not compiled/);
  assert.match(stdout, /ℹ tests 1\nℹ suites 0\nℹ pass 1\nℹ fail 0\n/);
  assert.match(lastLine(stdout) ?? "", /^ℹ duration_ms/);
});

test("a failing test exits with 1, and the counts still come last", async (context) => {
  const { code, stdout } = await runTests(context, { "a.test.ts": PASSING, "b.test.ts": FAILING });
  assert.equal(code, 1);
  assert.match(stdout, /as told[^]*ℹ tests 2\nℹ suites 0\nℹ pass 1\nℹ fail 1\n/);
  assert.match(stdout, /test at b\.test\.ts:2:1\n/, "the place in its source, though it shared a process");
  assert.match(lastLine(stdout) ?? "", /^ℹ duration_ms/);
});

test("a source that cannot be compiled is a failure that names it, and the others run", async (context) => {
  const { code, stdout, stderr } = await runTests(context, { "a.test.ts": PASSING, "b.test.ts": "const = 1;\n" });
  assert.equal(code, 1);
  assert.match(stdout + stderr, /b\.test\.ts:1:6/);
  assert.match(stdout, /ℹ tests 2\nℹ suites 0\nℹ pass 1\nℹ fail 1\n/);
});

test("a file that waits for ever and one in a loop are ended, with where they were", async (context) => {
  const waits =
    'import { test } from "node:test";\ntest("waits", () => new Promise(() => setInterval(() => {}, 1e9)));\n';
  const turns =
    'import { test } from "node:test";\ntest("turns", function turns(): void {\n  for (;;) Math.sqrt(2);\n});\n';
  // Apart from each other.
  const files = {
    "a.test.ts": `// alone: it hangs\n${waits}`,
    "b.test.ts": `// alone: it hangs\n${turns}`,
    "c.test.ts": PASSING,
  };
  const { code, stdout, stderr } = await runTests(context, files, ["--idle", "3", "--busy", "4"]);
  assert.equal(code, 1, stdout);
  assert.match(stderr, /HANGS, and is ended: for 3 s it used no processor time: .*a\.mjs\n[^]*its loop waits for:/);
  assert.match(stderr, /HANGS, and is ended: it used 4 s of processor time: .*b\.mjs\n[^]* turns \(b\.test\.ts:4:/);
  assert.match(stdout, /ℹ pass 1\nℹ fail 2\n/);
});

test("no test file at all is a failure", async (context) => {
  const { code, stderr } = await runTests(context, { "a.ts": PASSING });
  assert.equal(code, 2);
  assert.match(stderr, /no \*\.test\.ts file/);
});

test("a filter that selects nothing is a failure", async (context) => {
  const { code, stderr } = await runTests(context, { "a.test.ts": PASSING }, ["b"]);
  assert.equal(code, 2);
  assert.match(stderr, /"b" selects none of 1 test files/);
});

test("a file whose program is missing is left out and named ahead of the counts", async (context) => {
  const { code, stdout } = await runTests(context, { "a.test.ts": PASSING, "b.test.ts": NEEDY });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /LEFT OUT: 1 test file [^]*b\.test\.ts: needs no-such-command-anywhere\n\nℹ tests 1\n/);
  assert.match(lastLine(stdout) ?? "", /^ℹ duration_ms/);
});

test("in CI a file left out is a failure", async (context) => {
  const { code, stdout } = await runTests(context, { "a.test.ts": PASSING, "b.test.ts": NEEDY }, [], "true");
  assert.equal(code, 1);
  assert.match(stdout, /CI is set: this run fails/);
  assert.match(lastLine(stdout) ?? "", /^ℹ duration_ms/);
});

test("nothing left to run is a failure", async (context) => {
  const { code, stderr } = await runTests(context, { "b.test.ts": NEEDY });
  assert.equal(code, 1);
  assert.match(stderr, /nothing is left to run/);
});
