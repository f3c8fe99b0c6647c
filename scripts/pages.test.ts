/** Pages that name files and tests: what they name must be there. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
const PLAYED = /\| `([^`]+\.test\.ts)`: (.+) \|$/gm;
const FEWEST = 40;
/** A path of the project in backticks; patterns and commands are none. */
const PATH = /`([a-z.][\w.-]*\/[\w./-]*|[\w.-]+\.(?:md|cjs))`/g;

test("every attack of the threat model is played by a test that exists", () => {
  const page = readFileSync(join(ROOT, "docs/threat-model.md"), "utf8");
  const rows = [...page.matchAll(PLAYED)];
  assert.ok(rows.length >= FEWEST, `${rows.length} rows`);
  const missing = rows.flatMap(([, file, title]) => {
    const path = join(ROOT, file!);
    if (!existsSync(path)) return [`${file!} is not there`];
    return readFileSync(path, "utf8").includes(`"${title!}`) ? [] : [`${file!} has no test "${title!}..."`];
  });
  assert.deepEqual(missing, []);
});

test("the map of where to change what leads to files that exist", () => {
  const page = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
  const paths = [...page.matchAll(PATH)].map(([, path]) => path!);
  assert.ok(paths.length >= 20, `${paths.length} paths`);
  assert.deepEqual(
    paths.filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
});
