import assert from "node:assert/strict";
import { test } from "node:test";
import { groupTests } from "./test-groups.ts";

const PLAIN = 'import { test } from "node:test";\ntest("passes", () => {});\n';

function groupsOf(files: Readonly<Record<string, string>>): (readonly string[])[] {
  return groupTests(Object.keys(files), (file) => files[file] ?? "");
}

test("plain files share processes of at most twelve, and each runs once", () => {
  const names = Array.from({ length: 30 }, (_, i) => `protocol/${String(i).padStart(2, "0")}.test.ts`);
  const groups = groupsOf(Object.fromEntries(names.map((name) => [name, PLAIN])));
  assert.deepEqual(
    groups.map((files) => files.length),
    [12, 12, 6],
  );
  assert.deepEqual(groups.flat(), names);
});

test("whatever could disturb others has a process of its own", () => {
  const signs = [
    "after(() => server.close());",
    'import { spawn } from "node:child_process";',
    'process.env["TZ"] = "UTC";',
    "process.exitCode = 1;",
    'process.chdir("/");',
    "globalThis.fetch = undefined;",
    "// needs: socat",
    "// alone: it measures memory",
    "// as it is: it reads its own source",
    'import { FleetBed } from "../../tests/fleet/testing/bed.ts";',
    'import "@tensorflow/tfjs-core";',
  ];
  for (const sign of signs) {
    const groups = groupsOf({ "a.test.ts": PLAIN, "b.test.ts": `${sign}\n${PLAIN}`, "c.test.ts": PLAIN });
    assert.deepEqual(groups, [["b.test.ts"], ["a.test.ts", "c.test.ts"]], sign);
  }
  const reading = groupsOf({ "a.test.ts": PLAIN, "b.test.ts": `const zone = process.env["TZ"] === "UTC";\n${PLAIN}` });
  assert.equal(reading.length, 1, "to read a variable disturbs nobody");
});

test("whole systems come first and alone, the longest ahead of the others", () => {
  const files = ["protocol/a.test.ts", "tests/fleet/absent.test.ts", "tests/log/b.test.ts", "tests/readme/r.test.ts"];
  const groups = groupsOf(Object.fromEntries(files.map((name) => [name, PLAIN])));
  assert.deepEqual(groups, [
    ["tests/readme/r.test.ts"],
    ["tests/fleet/absent.test.ts"],
    ["tests/log/b.test.ts"],
    ["protocol/a.test.ts"],
  ]);
});
