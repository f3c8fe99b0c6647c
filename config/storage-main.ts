/** `npm run database`: copies of a party's database, made while it runs, and put back while it is stopped. */
import { indexOfAggregator } from "../protocol/names.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "./runtime/role-command.ts";
import { shownPlace } from "./runtime/store.ts";
import { backup, restore } from "./storage/backup.ts";
import { storePlace } from "./storage/place.ts";

async function run({ config, options, operands, json }: RoleContext): Promise<number> {
  const { party, to, from } = options as { party: string; to?: string; from?: string };
  const [verb, ...more] = operands;
  if ((verb !== "backup" && verb !== "restore") || more.length > 0) {
    throw new UsageError(`expected backup or restore, got ${operands.join(" ") || "nothing"}`);
  }
  if (party !== "utility" && indexOfAggregator(party) === undefined) {
    throw new UsageError(`--party: expected utility or a-1 to a-7, got ${party}`);
  }
  const place = storePlace(config, party, party === "utility" ? "utility.db" : "aggregator.db");
  if (verb === "backup") {
    if (to === undefined || from !== undefined) throw new UsageError("backup: expected --to FILE, and no --from");
    await backup(place, to);
    print(json, { place: shownPlace(place), to }, `${to} is a copy of ${shownPlace(place)} as it was when this began`);
    return EXIT.ok;
  }
  if (from === undefined || to !== undefined) throw new UsageError("restore: expected --from FILE, and no --to");
  const kept = await restore(place, from, new Date());
  const before = kept === undefined ? "there was nothing before" : `what was there is kept in ${kept}`;
  print(json, { place: shownPlace(place), from, kept }, `${shownPlace(place)} is what ${from} holds; ${before}`);
  return EXIT.ok;
}

function print(json: boolean, values: object, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(values) : text}\n`);
}

await runRole({
  name: "database",
  description: "Makes a copy of a party's database while the party runs, or puts one back while it is stopped.",
  operands: "<backup|restore>",
  logFiles: false,
  flags: [
    { flags: "--party <name>", description: "utility, or an aggregator: a-1", required: true },
    { flags: "--to <file>", description: "backup: the file to write; it must not be there" },
    { flags: "--from <file>", description: "restore: a copy that backup has made" },
  ],
  help: `A copy of a file is an SQLite database; of a schema on a server it is an archive of pg_dump. What restore replaces is kept
beside. docs/postgresql.md says what a party no longer knows that goes on from an old copy.`,
  examples: [
    "npm run database -- backup --party utility --to utility-2025-01-15.backup",
    "npm run database -- restore --party a-1 --from a-1.backup",
  ],
  run,
});
