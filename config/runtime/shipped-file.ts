/** Files that come with the system, such as tariffs and rules of alerts, wherever it is installed and called from. */
import { existsSync } from "node:fs";
import { isAbsolute, join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
/** Where files are that users may name without having them. */
const SHIPPED = /^(?:\.\/)?config\/(?:tariffs|alerts)\//;

/** A path as given; where nothing is there, and it names a shipped file, that one. */
export function shippedFile(path: string): string {
  if (isAbsolute(path) || existsSync(path) || !SHIPPED.test(path)) return path;
  const shipped = join(ROOT, path);
  return existsSync(shipped) ? shipped : path;
}
