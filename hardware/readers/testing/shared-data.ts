/** Telegrams of real meters, which are not part of the project. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import test from "node:test";
import type { z } from "zod";

/**
 * Calls `each` for every entry of `<folder>/manifest.json`, where that is: in the folder that `WATTVEIL_TEST_DATA` names,
 * or `../shared/data` next to the project. Says so when it is not there.
 */
export function forEachShared<T>(
  folder: "p1" | "sml",
  schema: z.ZodType<T[]>,
  each: (entry: T, read: (file: string) => Buffer) => void,
): void {
  const data = process.env["WATTVEIL_TEST_DATA"] ?? resolve(import.meta.dirname, "../../../../shared/data");
  const manifest = join(data, folder, "manifest.json");
  if (!existsSync(manifest)) {
    const skip = `no ${manifest}; set WATTVEIL_TEST_DATA to a folder that has it`;
    test(`${folder} telegrams of real meters`, { skip });
    return;
  }
  const entries = schema.parse(JSON.parse(readFileSync(manifest, "utf8")));
  for (const entry of entries) each(entry, (file) => readFileSync(join(data, folder, file)));
}
