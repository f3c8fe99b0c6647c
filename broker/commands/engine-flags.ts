/** The flags that `export` and `attend` share. */
import { join, resolve } from "node:path";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { type EngineName, ENGINES } from "../engines/engines.ts";
import { PARTY } from "./open.ts";

/** Throws UsageError. */
export function engineOf({ options }: Pick<RoleContext, "options">): EngineName {
  const asked = options["for"];
  const engine = ENGINES.find((name) => name === asked);
  if (engine !== undefined) return engine;
  const got = typeof asked === "string" ? `, got ${asked}` : "";
  throw new UsageError(`--for: expected one of ${ENGINES.join(", ")}${got}`);
}

export function folderOf({ options, config }: Pick<RoleContext, "options" | "config">, engine: EngineName): string {
  const out = options["out"];
  return resolve(typeof out === "string" ? out : join(config.paths.data, PARTY, engine));
}
