/**
 * What earlier runs have fed into a data folder, and whether a further run may follow them. A reading that was sent is
 * never replaced, so a run with other readings for the same slots, or one that ends before them, could not be exact.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DateTime } from "luxon";
import type { Config } from "../../config/index.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import type { ReadingsSource } from "../loads/index.ts";
import { fedUntil, isAllFed } from "./fed-until.ts";
import { readHistory } from "./history.ts";
import type { FeedPlan } from "./host-messages.ts";
import { daysOf, firstSlotOf, type FleetPlan } from "./fleet-plan.ts";

/** A run cannot follow what is in its folder; the message says what can be done. */
export class EarlierRunError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "EarlierRunError";
  }
}

/** Slots that were planned to be fed, and from what: a seed, or the digest of a file's readings. */
interface Fed extends SlotRange {
  readonly content: string;
}

const REMEDY = "use another --data folder, or --fresh to begin this one anew";

/**
 * Throws EarlierRunError when the plan cannot follow what the folder has. Returns a sentence for the user where the run
 * takes up slots that an earlier one has begun.
 */
export function checkEarlierRuns(data: string, plan: FleetPlan, config: Config): string | undefined {
  const fedTo = fedUntil(data);
  const { range, dates } = plan;
  const { slotSeconds, timezone } = config.system;
  const zone = (slot: number): DateTime => DateTime.fromSeconds(slot * slotSeconds, { zone: timezone });
  const other = readFed(data).find((fed) => !agrees(plan, fed, fedTo));
  if (other !== undefined) {
    const day = zone(Math.max(other.from, range.from)).toFormat("yyyy-MM-dd");
    throw new EarlierRunError(`${data} has other readings of ${day} from an earlier run: ${REMEDY}`);
  }
  if (fedTo <= range.from) return undefined;
  const until = zone(fedTo).toFormat("yyyy-MM-dd HH:mm");
  if (fedTo <= range.to && isAllFed(data, plan)) return "nothing new to feed: earlier runs have fed all of it";
  if (fedTo <= range.to) return `readings up to ${until} are there from an earlier run: this one goes on after them`;
  const there = `${data} has readings up to ${until} already (from ${originOf(data, fedTo, config)})`;
  if (plan.feed.kind === "replayed") throw new EarlierRunError(`${there}, the file ends before that: ${REMEDY}`);
  const last = zone(fedTo - 1)
    .plus({ days: 1 })
    .toFormat("yyyy-MM-dd");
  const needed = daysOf({ from: dates.from, to: last });
  const days = daysOf(dates);
  throw new EarlierRunError(
    `${there}, but ${days} ${days === 1 ? "day" : "days"} from ${dates.from} would end before that: ` +
      `--days ${needed} or more takes them up; or ${REMEDY}`,
  );
}

/** Whose readings the last ones are. */
function originOf(data: string, fedTo: number, config: Config): string {
  if ((readMetersSlot(data) ?? 0) >= fedTo) return "npm run meters";
  const last = readFed(data).find(({ from, to }) => from < fedTo && fedTo <= to);
  if (last === undefined) return "npm run meters"; // it was killed before it could remember them
  if (last.content.startsWith(DIGEST)) return "a file that was replayed";
  const nextDate = readHistory(data)?.nextDate;
  const ended = nextDate !== undefined && firstSlotOf(nextDate, config) >= fedTo;
  return ended ? "an earlier run" : "a run that was interrupted";
}

/** The slot after the last one that `npm run meters` has fed. */
function readMetersSlot(data: string): number | undefined {
  const file = join(data, "fleet", "meters.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { nextSlot: number }).nextSlot : undefined;
}

/** Remembers what is about to be fed. */
export function rememberRun(data: string, plan: FleetPlan, config: Config): void {
  const fresh = fedBy(plan, config);
  const kept = readFed(data).filter((fed) => fresh.every(({ from, to }) => fed.from < from || fed.to > to));
  writeFileSync(fileOf(data), JSON.stringify([...kept, ...fresh]));
}

const fileOf = (data: string): string => join(data, "fleet", "fed.json");

function readFed(data: string): Fed[] {
  return existsSync(fileOf(data)) ? (JSON.parse(readFileSync(fileOf(data), "utf8")) as Fed[]) : [];
}

/** A seed stands for all its readings; a file is remembered day by day, so that a longer one may follow it. */
function fedBy({ feed, source, range }: FleetPlan, config: Config): Fed[] {
  if (feed.kind === "generated") return [{ ...range, content: seedOf(feed) }];
  const days: Fed[] = [];
  const { slotSeconds, timezone } = config.system;
  for (let from = range.from; from < range.to; ) {
    const next = DateTime.fromSeconds(from * slotSeconds, { zone: timezone }).plus({ days: 1 });
    const to = Math.min(range.to, firstSlotOf(next.toFormat("yyyy-MM-dd"), config));
    days.push({ from, to, content: digestOf(source, { from, to }) });
    from = to;
  }
  return days;
}

function agrees({ feed, source, range }: FleetPlan, fed: Fed, fedTo: number): boolean {
  if (Math.max(fed.from, range.from) >= Math.min(fed.to, range.to, fedTo)) return true;
  if (feed.kind === "generated") return fed.content === seedOf(feed);
  if (!fed.content.startsWith(DIGEST)) return false;
  // A file that begins or ends inside the day says too little to be compared.
  return fed.from < range.from || fed.to > range.to || fed.content === digestOf(source, fed);
}

const DIGEST = "sha256 ";

/** The head of a feeder is not part of it: it may come later, and what was lost is lost. */
function seedOf({ seed, thefts = [] }: Exclude<FeedPlan, { kind: "replayed" }>): string {
  return thefts.length === 0 ? `seed ${seed}` : `seed ${seed}, thefts ${JSON.stringify(thefts)}`;
}

function digestOf(source: ReadingsSource, { from, to }: SlotRange): string {
  const hash = createHash("sha256");
  for (const [index, { id }] of source.meters.entries()) {
    for (let slot = from; slot < to; slot++) {
      const energy = source.read(index, slot);
      if (energy === undefined) continue;
      hash.update(`${id},${slot},${energy.importWh},${energy.exportWh},${source.feederOf(index, slot)}\n`);
    }
  }
  return DIGEST + hash.digest("hex");
}
