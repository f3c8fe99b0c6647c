/**
 * `npm run audit -- --id 1`: takes what an aggregator has endorsed and searches for combinations that leave too little
 * of anyone. Reads the aggregator's database beside the running role; needs no key.
 */
import { randomBytes } from "node:crypto";
import { describeOrigin } from "../config/faults.ts";
import { slotText, type SlotTimes } from "../config/enrolment/slot-time.ts";
import { openStore, shownPlace, storeExists } from "../config/runtime/store.ts";
import { storePlace } from "../config/storage/place.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { createProgress, renderTable } from "../config/runtime/terminal.ts";
import { aggregatorId } from "../protocol/names.ts";
import type { KindName } from "../protocol/units.ts";
import { auditTotals, type Disclosure, type Finding, meterOf, slotOf } from "./audit/disclosure.ts";
import { indexOf } from "./id-flag.ts";
import {
  assertCellsOfSets,
  meterNames,
  missingTable,
  ReleaseError,
  releasedFeeders,
  releasedTotals,
} from "./audit/release-totals.ts";

/** Beyond so many choices of atoms the search is a random one. */
const CHOICES = 20_000;
/** A catch-up stands for the slots of its gap; only loads and bills share cells. */
const KINDS_AUDITED = ["import", "export"] as const satisfies readonly KindName[];
/** Totals of a combination that are printed. */
const MOST_TOTALS = 8;

type Totals = ReturnType<typeof releasedTotals>;

interface Line extends Disclosure {
  readonly feeder: string;
  readonly kind: KindName;
}

function audit({ config, origins, options, json }: RoleContext): number {
  const index = indexOf(options);
  const place = storePlace(config, aggregatorId(index), "aggregator.db");
  if (!storeExists(place))
    throw new UsageError(`${shownPlace(place)} does not exist: start the aggregator first, or set --data`);
  const { minMeters, minSlots } = config.release;
  const db = openStore(place, { synchronous: "NORMAL", readonly: true });
  try {
    const missing = missingTable(db);
    if (missing !== undefined)
      throw new UsageError(`${db.name} is no aggregator's database: it has no table ${missing}`);
    assertCellsOfSets(db);
    const feeders = releasedFeeders(db);
    const asked = options["feeder"] as string | undefined;
    if (asked !== undefined && !feeders.includes(asked)) {
      throw new UsageError(`--feeder: nothing of ${asked} was released; there are ${feeders.join(", ") || "none"}`);
    }
    const lines: Line[] = [];
    for (const feeder of asked === undefined ? feeders : [asked]) {
      for (const kind of KINDS_AUDITED) {
        const totals = releasedTotals(db, feeder, kind);
        if (totals.length > 0) lines.push({ feeder, kind, ...auditRows(feeder, kind, totals, json) });
      }
    }
    const names = meterNames(db);
    const leaking = lines.filter((line) => leaksOf(line, minMeters, minSlots).length > 0);
    const report = { aggregator: aggregatorId(index), minMeters, minSlots, leaks: leaking.length, feeders: lines };
    const print = (text: string): void => void process.stdout.write(`${text}\n`);
    if (json) print(JSON.stringify({ ...report, feeders: lines.map((line) => jsonOf(line, names)) }));
    else print(textOf(lines, names, { minMeters, minSlots, origins, times: config.system }));
    return leaking.length === 0 ? EXIT.ok : EXIT.failed;
  } finally {
    db.close();
  }
}

function auditRows(feeder: string, kind: KindName, totals: Totals, silent: boolean): Disclosure {
  try {
    return auditWithBar(`${feeder} ${kind}`, totals, silent);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const what = error.message.startsWith("load ") ? "load_cells" : "bill_cells";
    throw new ReleaseError(`${what}, feeder ${feeder}, kind ${kind}: ${error.message}`, { cause: error });
  }
}

function auditWithBar(label: string, totals: Totals, silent: boolean): Disclosure {
  let bar: ReturnType<typeof createProgress> | undefined;
  const disclosure = auditTotals(totals, {
    choices: CHOICES,
    // The search must not be one that somebody can foresee.
    random: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
    progress: (done, total) => {
      bar ??= createProgress({ label, total, silent });
      bar.update(done);
    },
  });
  bar?.stop();
  return disclosure;
}

function leaksOf({ ofMeter, ofSlot }: Line, minMeters: number, minSlots: number): Finding[] {
  return [
    ...(ofMeter !== undefined && ofMeter.cells.length < minSlots ? [ofMeter] : []),
    ...(ofSlot !== undefined && ofSlot.cells.length < minMeters ? [ofSlot] : []),
  ];
}

type Names = ReadonlyMap<number, string>;

function nameOf(meter: number, names: Names): string {
  return names.get(meter) ?? `meter ${meter}`;
}

function jsonOf({ ofMeter, ofSlot, ...line }: Line, names: Names): Record<string, unknown> {
  const finding = (one: Finding | undefined): unknown =>
    one === undefined
      ? null
      : {
          count: one.cells.length,
          exact: one.exact,
          cells: one.cells.map((cell) => ({ meter: nameOf(meterOf(cell), names), slot: slotOf(cell) })),
          combination: one.combination,
        };
  return { ...line, fewestSlotsOfMeter: finding(ofMeter), fewestMetersOfSlot: finding(ofSlot) };
}

interface Limits {
  readonly minMeters: number;
  readonly minSlots: number;
  readonly origins: RoleContext["origins"];
  readonly times: SlotTimes;
}

/** The limits in force and who has set them: others than the aggregator's own accuse it of what it was allowed. */
function limitsText({ minMeters, minSlots, origins }: Limits): string {
  const told = Object.entries({ minMeters, minSlots }).map(([name, value]) => {
    const origin = origins.get(`release.${name}`);
    return `release.${name} ${value} (${origin === undefined ? "default" : describeOrigin(origin)})`;
  });
  return `The limits are ${told.join(" and ")}: use the profile or configuration that the aggregator runs with.`;
}

function textOf(lines: readonly Line[], names: Names, limits: Limits): string {
  if (lines.length === 0) return "nothing was released yet";
  const { minMeters, minSlots, times } = limits;
  const head = [
    "feeder",
    "kind",
    "totals",
    "cells",
    `slots of a meter (${minSlots})`,
    `meters of a slot (${minMeters})`,
  ];
  const cell = (one: Finding | undefined): string =>
    one === undefined ? "none" : `${one.exact ? "" : "at most "}${one.cells.length}`;
  const rows = lines.map(({ feeder, kind, totals, cells, ofMeter, ofSlot }) => [
    ...[feeder, kind, totals, cells],
    ...[cell(ofMeter), cell(ofSlot)],
  ]);
  const leaks = lines.flatMap((line) =>
    leaksOf(line, minMeters, minSlots).map(
      (finding) => `${line.feeder} ${line.kind}: ${leakText(finding, names, times)}`,
    ),
  );
  const verdict =
    leaks.length === 0
      ? "No combination of released totals leaves less than the limits in brackets."
      : `${leaks.length} combinations leave less than the release rules allow. ${limitsText(limits)}`;
  return [renderTable(head, rows), ...leaks, verdict].join("\n");
}

function leakText({ of, target, cells, combination }: Finding, names: Names, times: SlotTimes): string {
  const what =
    of === "meter"
      ? `${cells.length} slots of ${nameOf(target, names)}, the first ${slotText(Math.min(...cells.map(slotOf)), times)}`
      : `${cells.length} meters of ${slotText(target, times)} (${cells.map((cell) => nameOf(meterOf(cell), names)).join(", ")})`;
  const timed = (name: string): string =>
    name.replace(/^load (\d+)$/, (_, slot: string) => `load of ${slotText(Number(slot), times)}`);
  const told = combination.slice(0, MOST_TOTALS).map(({ total, weight }) => `${weight} x ${timed(total)}`);
  const more = combination.length - told.length;
  return `${what}, by ${told.join(" + ")}${more > 0 ? ` and ${more} more` : ""}`;
}

await runRole({
  name: "audit",
  description: "Searches what an aggregator has released for combinations that say too little of too few.",
  logFiles: false,
  flags: [
    { flags: "--id <index>", description: "the aggregator's index, 1 to 7", required: true },
    { flags: "--feeder <feeder>", description: "this feeder alone" },
  ],
  help: `For each feeder and kind: the fewest slots of one meter, and the fewest meters of one slot, that any linear
combination of its loads and bills leaves alone, in brackets what the release rules ask for (release.minSlots and
release.minMeters). It searches by linear algebra and knows nothing of how the rules are kept. "at most": there were too
many choices to try all; random ones found this.

Exit codes: 0 nothing below the limits; 1 there is, and which totals give it; 2 wrong usage or configuration.`,
  examples: ["npm run audit -- --id 1 --profile demo", "npm run audit -- --id 2 --feeder f-1 --json"],
  run: (context) => Promise.resolve(audit(context)),
});
