/** The commands of `npm run learn -- ask`, `releases` and `release`. */
import { setTimeout as pause } from "node:timers/promises";
import { EXIT, type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { createProgress } from "../../config/runtime/terminal.ts";
import { print, printJson } from "../command/output.ts";
import { isPresent, knownClock } from "../presence.ts";
import { forecastOf } from "./plan.ts";
import { forecastText, releaseJson, releasesTable, releaseText } from "./print.ts";
import { type AskFlags, firstSlotOf, settingsOf } from "./request.ts";
import { dueAt, nextOrder } from "./schedule.ts";
import { shownPlace, storeExists } from "../../config/runtime/store.ts";
import { releasesPlace } from "../../config/storage/place.ts";
import { type Release, ReleaseStore } from "./store.ts";

const POLL_MILLISECONDS = 150;
const DEFAULT_LIMIT = 50;
const ASK = [
  ...["name", "from", "days", "kind", "of", "edges", "clip", "epsilon", "minMeters", "colluders", "roundSeconds"],
  ...["dryRun", "again"],
];

/** Runs one command line. */
export async function runReleases(context: RoleContext): Promise<number> {
  const { config, operands, options } = context;
  const [verb, operand, ...rest] = operands;
  if (verb !== "ask" && verb !== "releases" && verb !== "release") {
    throw new UsageError(`${verb ?? "nothing"}: expected ask load, ask histogram, releases or release N`);
  }
  const stray = verb === "releases" ? operand : rest[0];
  if (stray !== undefined) throw new UsageError(`${stray}: ${verb} takes ${verb === "releases" ? "none" : "one word"}`);
  for (const name of verb === "ask" ? ["limit"] : [...ASK, ...(verb === "release" ? ["limit"] : [])]) {
    const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (options[name] !== undefined) throw new UsageError(`--${flag}: not for ${verb}`);
  }
  if (verb !== "ask" && options["wait"] === false) throw new UsageError(`--no-wait: not for ${verb}`);
  const place = releasesPlace(config);
  if (verb === "ask" && options["dryRun"] === true) return dryRun(context, operand);
  if (!storeExists(place)) {
    throw new UsageError(`${shownPlace(place)} does not exist: start analytics first, or set --data`);
  }
  const store = new ReleaseStore(place, { alone: false });
  try {
    const own = { ...context, config: { ...config, system: { ...config.system, ...knownClock(store.db) } } };
    if (verb === "ask") return await ask(own, operand, store);
    return verb === "releases" ? list(own, store) : show(own, operand, store);
  } finally {
    store.close();
  }
}

function dryRun({ config, options, json }: RoleContext, type: string | undefined): number {
  const settings = settingsOf(type, options, config);
  // It does not matter to the cost, but a date that cannot be must not pass for one that can.
  firstSlotOf(options, config);
  try {
    const forecast = forecastOf(settings, config.system.slotSeconds);
    if (json) printJson({ settings, ...forecast });
    else print(forecastText(forecast));
    return EXIT.ok;
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error;
  }
}

async function ask(context: RoleContext, type: string | undefined, store: ReleaseStore): Promise<number> {
  const { config, options, json } = context;
  const { slotSeconds, timezone } = config.system;
  const flags = options as AskFlags;
  const settings = settingsOf(type, flags, config);
  const askedAt = Date.now() / 1_000;
  const firstSlot =
    firstSlotOf(flags, config) ?? nextOrder(settings, { slotSeconds, timezone }, undefined, askedAt)?.firstSlot;
  if (firstSlot === undefined) throw new UsageError("--from: there are no days yet that are over");
  const known = options["again"] === true ? undefined : store.same(settings, firstSlot);
  const release = known ?? store.add({ settings, firstSlot, askedAt, dueAt: dueAt(settings, firstSlot, slotSeconds) });
  if (known?.state === "opened" && !json)
    process.stderr.write("this was asked before, and costs nobody anything now\n");
  const settled = options["wait"] === false ? release : await waitFor(context, store, release);
  if (json) printJson(releaseJson(settled));
  else print(releaseText(settled, { slotSeconds, timezone }));
  if (settled.state === "opened" || options["wait"] === false) return EXIT.ok;
  return settled.state === "not-opened" || settled.state === "failed" ? EXIT.failed : EXIT.interrupted;
}

async function waitFor({ json, signal }: RoleContext, store: ReleaseStore, release: Release): Promise<Release> {
  const progress = createProgress({ label: `release ${release.number}`, total: 2, silent: json });
  let warned = false;
  try {
    for (;;) {
      const now = store.get(release.number)!;
      const done = now.state === "asked" ? 0 : now.state === "announced" ? 1 : 2;
      progress.update(done, now.state === "announced" ? "homes take part until the round closes" : now.state);
      if (done === 2 || signal.aborted) return now;
      if (!warned && !isPresent(store.db)) {
        warned = true;
        process.stderr.write("analytics is not running: it waits until that is started (npm run analytics)\n");
      }
      await pause(POLL_MILLISECONDS, undefined, { signal }).catch(() => {});
    }
  } finally {
    progress.stop();
  }
}

function list({ config, options, json }: RoleContext, store: ReleaseStore): number {
  const limit = Number(options["limit"] ?? DEFAULT_LIMIT);
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError("--limit: expected a whole number from 1 on");
  const releases = store.list(limit);
  if (json) printJson(releases.map(releaseJson));
  else print(releases.length === 0 ? "Nothing was asked for yet." : releasesTable(releases, config.system));
  return EXIT.ok;
}

function show({ config, json }: RoleContext, operand: string | undefined, store: ReleaseStore): number {
  const release = store.get(Number(operand));
  if (release === undefined) throw new UsageError(`release ${operand ?? ""}: there is none (releases lists them)`);
  if (json) printJson(releaseJson(release));
  else print(releaseText(release, config.system));
  return EXIT.ok;
}
