/** Pages that name files and tests: what they name must be there. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { guide } from "../docs/site/.vitepress/guide.ts";

const ROOT = join(import.meta.dirname, "..");
const PLAYED = /\| `([^`]+\.test\.ts)`: (.+) \|$/gm;
const FEWEST = 40;
/** A path of the project in backticks; patterns and commands are none. */
const PATH = /`([a-z.][\w.-]*\/[\w./-]*|[\w.-]+\.(?:md|cjs))`/g;

for (const name of ["docs/threat-model.md", "docs/exhaustion.md"]) {
  test(`every row of ${name} is played by a test that exists`, () => {
    const page = readFileSync(join(ROOT, name), "utf8");
    const rows = [...page.matchAll(PLAYED)];
    assert.ok(rows.length >= FEWEST, `${rows.length} rows`);
    const missing = rows.flatMap(([, file, title]) => {
      const path = join(ROOT, file!);
      if (!existsSync(path)) return [`${file!} is not there`];
      return readFileSync(path, "utf8").includes(`"${title!}`) ? [] : [`${file!} has no test "${title!}..."`];
    });
    assert.deepEqual(missing, []);
  });
}

test("the counts of exhaustion.md are those of its tests", () => {
  const page = readFileSync(join(ROOT, "docs/exhaustion.md"), "utf8");
  const joined = (text: string): string => text.replaceAll(/(?<=\d)[_,](?=\d{3})/g, "");
  const wrong = [...page.matchAll(PLAYED)].flatMap(({ index, 1: file }) => {
    const row = page.slice(page.lastIndexOf("\n", index) + 1, index);
    const source = joined(readFileSync(join(ROOT, file!), "utf8"));
    const numbers = joined(row).match(/\d{2,}/g) ?? [];
    return numbers
      .filter((number) => !new RegExp(`(?<!\\d)${number}(?!\\d)`).test(source))
      .map((n) => `${file!}: ${n}`);
  });
  assert.deepEqual(wrong, []);
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

/** All pages of the repository, by their paths. */
function pages(): string[] {
  const inDocs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .map((file) => join("docs", file))
    .filter((file) => file.endsWith(".md") && !file.startsWith("docs/site/"));
  const above = readdirSync(ROOT).filter((file) => file.endsWith(".md"));
  return [...above, ...inDocs, "hardware/firmware/PROTOCOL.md", "hardware/firmware/README.md"];
}

test("every page has one place in the map of the site, but for decisions, which it lists by itself", () => {
  const mapped = guide.flatMap(({ pages: chapter }) => chapter.map(({ file }) => file));
  const expected = pages().filter((file) => !file.startsWith("docs/decisions/"));
  assert.deepEqual(mapped.toSorted(), expected.toSorted());
});

test("every link between pages leads to a file, and to a heading where it names one", () => {
  const broken = pages().flatMap((page) => {
    const text = readFileSync(join(ROOT, page), "utf8").replaceAll(/^```[\s\S]*?^```/gm, "");
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
    return links
      .filter((link) => !/^(https?|mailto):/.test(link) && !leadsSomewhere(page, link))
      .map((l) => `${page}: ${l}`);
  });
  assert.deepEqual(broken, []);
});

function leadsSomewhere(page: string, link: string): boolean {
  const [path = "", anchor] = link.split("#");
  const file = path === "" ? join(ROOT, page) : join(ROOT, dirname(page), path);
  if (!existsSync(file)) return false;
  if (anchor === undefined || !file.endsWith(".md")) return true;
  const headings = [...readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slugOf(heading!));
  return headings.includes(anchor);
}

/** As Markdown viewers name headings. */
function slugOf(heading: string): string {
  const plain = heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "");
  return plain.trim().replaceAll(" ", "-");
}
