/**
 * What a run in a data folder was asked for, kept beside it: the same command goes on with it, and one with other flags is
 * refused before it changes anything that the run's processes read.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { makeFolder } from "../../config/runtime/folders.ts";
import { UsageError } from "../../config/runtime/role-command.ts";

const askedRun = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** By flag or setting. */
export type AskedRun = z.infer<typeof askedRun>;

const fileOf = (data: string): string => join(data, "fleet", "asked.json");

/** Throws UsageError where a run was begun in the folder with other flags. */
export function assertSameRun(data: string, asked: AskedRun): void {
  const file = fileOf(data);
  if (!existsSync(file)) return;
  const begun = readBegun(file);
  const names = Object.keys({ ...begun, ...asked }).filter((name) => begun[name] !== asked[name]);
  if (names.length === 0) return;
  const told = names.map((name) => `${name} ${begun[name] ?? "nothing"}, got ${asked[name] ?? "nothing"}`);
  throw new UsageError(
    `the run in ${data} was begun with ${told.join("; ")}: give this one a --data folder of its own`,
  );
}

/** Throws as `assertSameRun`. */
export function keepRun(data: string, asked: AskedRun): void {
  assertSameRun(data, asked);
  makeFolder(join(data, "fleet"));
  const file = fileOf(data);
  writeFileSync(`${file}.next`, `${JSON.stringify(asked, null, 2)}\n`);
  renameSync(`${file}.next`, file);
}

function readBegun(file: string): AskedRun {
  try {
    return askedRun.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    throw new UsageError(`${file}: says no more what its run was asked for; use another --data folder`);
  }
}
