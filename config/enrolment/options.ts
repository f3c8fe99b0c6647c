/** What the flags of the commands on single meters say, checked before anything is waited for. */
import type { z } from "zod";
import { feederId, meterId } from "../../protocol/names.ts";
import { type RoleContext, UsageError } from "../runtime/role-command.ts";
import type { Change } from "./change.ts";

/** Throws UsageError where a flag is missing, or has no place here. */
export function changeOf({ options }: RoleContext, action: Change["action"]): Change {
  const { meter, feeder } = options;
  if (options["head"] === true && action !== "add") throw new UsageError(`--head: not for ${action}`);
  if (typeof meter !== "string") throw new UsageError(`${action}: name the meter with --meter`);
  assertName("--meter", meter, meterId);
  if (action === "revoke" || action === "rekey") {
    if (feeder !== undefined) throw new UsageError(`--feeder: not for ${action}, which leaves the meter where it is`);
    return { action, meter };
  }
  if (typeof feeder !== "string") throw new UsageError(`${action}: name the feeder with --feeder`);
  assertName("--feeder", feeder, feederId);
  if (action === "move") return { action, meter, feeder };
  return { action, meter, feeder, ...(options["head"] === true ? { role: "head" as const } : {}) };
}

function assertName(flag: string, value: string, schema: z.ZodType): void {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new UsageError(`${flag}: "${value}": ${parsed.error.issues[0]?.message ?? "no such id"}`);
}

/** `--from-slot`. Throws UsageError. */
export function fromSlotOption({ options }: RoleContext): number | undefined {
  const text = options["fromSlot"];
  if (typeof text !== "string") return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`--from-slot: expected a slot number, got ${text}`);
  return Number(text);
}

/** `--wait`. Throws UsageError. */
export function waitMilliseconds({ config, options }: RoleContext): number {
  const text = options["wait"];
  if (typeof text !== "string") return config.rounds.answerSeconds * 2_000;
  const seconds = Number(text);
  if (!(seconds > 0)) throw new UsageError(`--wait: expected seconds above 0, got ${text}`);
  return seconds * 1000;
}

/** When a command gives up: after `--wait`, or on a signal. */
export function deadline(context: RoleContext): AbortSignal {
  return AbortSignal.any([context.signal, AbortSignal.timeout(waitMilliseconds(context))]);
}
