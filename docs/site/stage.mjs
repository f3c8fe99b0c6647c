/** Copies the pages and their pictures beside this package, since its dependencies are not found from where they lie. */
import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const STAGED = join(import.meta.dirname, "pages");
const SHOWN = /\.(md|svg|png)$/;

rmSync(STAGED, { recursive: true, force: true });
const inDocs = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
  .filter((file) => !file.startsWith("site"))
  .map((file) => join("docs", file));
const firmware = readdirSync(join(ROOT, "hardware/firmware")).map((file) => join("hardware/firmware", file));
for (const file of [...readdirSync(ROOT), ...inDocs, ...firmware]) {
  if (SHOWN.test(file)) cpSync(join(ROOT, file), join(STAGED, file));
}
