/** What the flags of `learn -- ask` ask for. */
import type { z } from "zod";
import type { Config } from "../../config/index.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { release, releaseFault, type ReleaseSettings } from "../../config/schema-releases.ts";
import { isDate, WindowCalendar } from "../../config/windows.ts";

export interface AskFlags {
  readonly name?: string;
  readonly from?: string;
  readonly days?: string;
  readonly kind?: string;
  readonly of?: string;
  readonly edges?: string;
  readonly clip?: string;
  readonly epsilon?: string;
  readonly minMeters?: string;
  readonly colluders?: string;
  readonly roundSeconds?: string;
}

/** By the setting's name: the flag it came from. */
const FLAGS: Readonly<Record<string, string>> = {
  edgesWh: "--edges",
  clipWh: "--clip",
  name: "--name",
  minMeters: "--min-meters",
  roundSeconds: "--round-seconds",
};

/** Throws UsageError that names the flag. */
export function settingsOf(type: string | undefined, flags: AskFlags, config: Config): ReleaseSettings {
  if (type !== "load" && type !== "histogram") {
    throw new UsageError(`ask: expected load or histogram, got ${type ?? "nothing"}`);
  }
  if (type === "load" && (flags.of ?? flags.edges) !== undefined) {
    throw new UsageError(`--${flags.of === undefined ? "edges" : "of"}: not for load; histogram takes it`);
  }
  const needed = type === "load" ? "clip" : "edges";
  if (flags[needed] === undefined) throw new UsageError(`--${needed}: needed for ${type}`);
  const { minMeters = config.learning.minMeters } = { minMeters: number(flags, "minMeters") };
  const asked = {
    ...{ type, name: flags.name ?? type, kind: flags.kind, days: number(flags, "days") },
    ...{ epsilon: number(flags, "epsilon") ?? 1, delta: config.learning.delta, minMeters },
    colluders: number(flags, "colluders") ?? Math.ceil(config.learning.colluderShare * minMeters),
    ...{ roundSeconds: number(flags, "roundSeconds"), waitSeconds: 0 },
    ...(type === "load"
      ? { clipWh: number(flags, "clip") }
      : { clip: number(flags, "clip"), of: flags.of, edgesWh: edgesOf(flags) }),
  };
  const parsed = release.safeParse(JSON.parse(JSON.stringify(asked)));
  if (!parsed.success) throw new UsageError(parsed.error.issues.map(faultOf).join("; "));
  const fault = releaseFault([parsed.data], config.system.slotSeconds);
  if (fault !== undefined) throw new UsageError(fault);
  return parsed.data;
}

function number(flags: AskFlags, name: keyof AskFlags): number | undefined {
  const text = flags[name];
  return text === undefined ? undefined : numberOf(text, FLAGS[name] ?? `--${name}`);
}

function edgesOf({ edges }: AskFlags): number[] | undefined {
  return edges?.split(",").map((edge) => numberOf(edge, "--edges"));
}

function numberOf(text: string, flag: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new UsageError(`${flag}: expected a number, got "${text}"`);
  return value;
}

function faultOf({ path: [field], message }: z.core.$ZodIssue): string {
  const name = String(field);
  return `${FLAGS[name] ?? `--${name}`}: ${message}`;
}

/** The first slot of the days asked for; undefined for the newest that are over. */
export function firstSlotOf({ from }: AskFlags, { system }: Config): number | undefined {
  if (from === undefined) return undefined;
  if (!isDate(from)) throw new UsageError(`--from ${from}: expected a date YYYY-MM-DD`);
  const { slotSeconds, timezone } = system;
  const calendar = new WindowCalendar({ slotSeconds, timezone, windowDays: 1 });
  return calendar.between(from, calendar.addDays(from, 1))[0]!.firstSlot;
}
