/** The configuration of runs under chaos: days that pass in seconds, with every role in it. What the user sets stays. */
import { type Config, type Flag, loadConfig } from "../../config/index.ts";
import type { RoleContext } from "../../config/runtime/role-command.ts";

/** So many slots begin in a second, as long as nothing holds them up. */
export const SLOTS_PER_SECOND = 4;
const SLOT_SECONDS = 3_600;
const DAY_SLOTS = 86_400 / SLOT_SECONDS;

const SETTINGS: Readonly<Record<string, unknown>> = {
  // Hours as slots: every band of the tariff has at least four of them a day.
  "system.slotSeconds": SLOT_SECONDS,
  "release.minSlots": 4,
  "rounds.loadEverySlots": 2,
  // More than meters may lag, so that a clock that is wrong by the difference asks for nothing too early.
  "rounds.graceSlots": 6,
  "billing.graceSlots": 6,
  "rounds.retrySeconds": 0.5,
  "rounds.answerSeconds": 2,
  "billing.period": "day",
  "meter.resendSeconds": 0.5,
  "simulation.meters": 12,
  "simulation.feeders": 2,
  "simulation.speed": SLOTS_PER_SECOND * SLOT_SECONDS,
  // Time stands still for whoever is away, however long: nothing is to be a gap.
  "simulation.patienceSeconds": 3_600,
  "homomorphic.enabled": false,
  "log.publishSeconds": 0.5,
  "log.witnessSeconds": 2,
  "broker.tlsPort": 0,
  "broker.wssPort": 0,
  "broker.publicPort": 0,
  "api.port": 0,
};

/** As they are without anybody's wishes. */
export function chaosSettings(): Readonly<Record<string, unknown>> {
  return SETTINGS;
}

/** Days that feed for so many minutes at least. */
export function daysFor(minutes: number): number {
  return Math.max(1, Math.ceil((minutes * 60 * SLOTS_PER_SECOND) / DAY_SLOTS));
}

/** `given` wins over everything: it is what a schedule says. Throws ConfigError. */
export function chaosConfig(
  { config, origins, options }: Pick<RoleContext, "config" | "origins" | "options">,
  given: Readonly<Record<string, unknown>>,
): Config {
  const chosen = [...origins]
    .filter(([, { kind }]) => !["default", "profile", "derived"].includes(kind))
    .map(([path, { name }]): Flag => ({ name, path, value: valueAt(config, path) }));
  const own = Object.entries(SETTINGS)
    .filter(([path]) => !chosen.some((flag) => flag.path === path))
    .map(([path, value]): Flag => ({ name: "chaos", path, value }));
  const last = Object.entries(given).map(([path, value]): Flag => ({ name: "schedule", path, value }));
  const profile = typeof options["profile"] === "string" ? options["profile"] : "demo";
  const paths = new Set(last.map(({ path }) => path));
  const flags = [...own, ...chosen].filter(({ path }) => !paths.has(path));
  return loadConfig({ profile, env: {}, flags: [...flags, ...last] });
}

function valueAt(config: Config, path: string): unknown {
  const [section = "", field = ""] = path.split(".");
  return (config as unknown as Record<string, Record<string, unknown>>)[section]?.[field];
}
