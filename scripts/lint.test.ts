import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..");
const RULES = `
import tseslint from "typescript-eslint";
export default tseslint.config({
  files: ["**/*.ts"],
  extends: [tseslint.configs.base],
  languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
  rules: { "@typescript-eslint/await-thenable": "error", "no-empty": "warn" },
});
`;
const SETTINGS = `{ "compilerOptions": { "strict": true, "noEmit": true, "types": [] }`;

/** What the gate says of a project of two files, the second of which is for browsers. */
function lint(t: { after: (work: () => void) => void }, main: string, page: string) {
  const root = mkdtempSync(join(tmpdir(), "wattveil-lint-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "utility/dashboard"), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
  writeFileSync(join(root, "package.json"), `{ "type": "module" }`);
  writeFileSync(join(root, "eslint.config.mjs"), RULES);
  writeFileSync(join(root, "tsconfig.json"), `${SETTINGS}, "include": ["*.ts"] }`);
  writeFileSync(join(root, "utility/dashboard/tsconfig.json"), `${SETTINGS}, "include": ["*.ts"] }`);
  writeFileSync(join(root, "main.ts"), main);
  writeFileSync(join(root, "utility/dashboard/page.ts"), page);
  const args = ["--import", import.meta.resolve("tsx"), join(ROOT, "scripts/lint-main.ts")];
  return spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
}

const GOOD = "export const seven: number = 7;\n";

test("what is right passes in silence", (t) => {
  const { status, stdout, stderr } = lint(t, GOOD, GOOD);
  assert.deepEqual({ status, stdout }, { status: 0, stdout: "" }, stderr);
});

test("wrong types and broken rules are told together, those that need types too", (t) => {
  const { status, stdout, stderr } = lint(t, `export const six: number = "6";\n`, "export const wait = await 5;\n");
  assert.equal(status, 1, stderr);
  assert.match(stdout, /main\.ts\(1,14\): error TS2322/);
  assert.match(stdout, /page\.ts\n +1:21 +error .*await-thenable/);
});

test("a wrong type in what runs in browsers fails, and so does a warning", (t) => {
  const { status, stdout } = lint(t, "if (1 > 0) {\n}\nexport {};\n", `export const six: number = "6";\n`);
  assert.equal(status, 1);
  assert.match(stdout, /page\.ts\(1,14\): error TS2322/);
  assert.match(stdout, /main\.ts\n +1:12 +warning .*no-empty/);
  assert.equal(lint(t, "if (1 > 0) {\n}\nexport {};\n", GOOD).status, 1);
});
