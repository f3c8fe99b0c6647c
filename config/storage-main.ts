/** `npm run database`: copies of a party's database, put back while it is stopped; and from its file to a server. */
import { addressFault } from "./checks-storage.ts";
import { indexOfAggregator } from "../protocol/names.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "./runtime/role-command.ts";
import { shownPlace } from "./runtime/store.ts";
import { backup, restore } from "./storage/backup.ts";
import { move } from "./storage/move.ts";
import { STORE_NAMES, type StoreOf, storeOf } from "./storage/stores.ts";

interface Flags {
  readonly party: string;
  readonly to?: string;
  readonly from?: string;
}

async function run({ config, options, operands, json }: RoleContext): Promise<number> {
  const { party, to, from } = options as unknown as Flags;
  const [verb, ...more] = operands;
  if ((verb !== "backup" && verb !== "restore" && verb !== "move") || more.length > 0) {
    throw new UsageError(`expected backup, restore or move, got ${operands.join(" ") || "nothing"}`);
  }
  const store = storeOf(party);
  if (store === undefined) {
    throw new UsageError(`--party: expected ${STORE_NAMES.join(", ")}, or a-1 to a-7, got ${party}`);
  }
  if (verb === "move") {
    if (to === undefined) throw new UsageError("move: expected --to postgresql://host:port/database");
    const fault = /^postgres(ql)?:/.test(to) ? addressFault(to) : "expected postgresql://host:port/database";
    if (fault !== undefined) throw new UsageError(`--to: ${fault}`);
    await moveStore(store, from ?? config.paths.data, to, json);
    return EXIT.ok;
  }
  const place = store.place(config);
  if (verb === "backup") {
    if (to === undefined || from !== undefined) throw new UsageError("backup: expected --to FILE, and no --from");
    await backup(place, to);
    print(json, { place: shownPlace(place), to }, `${to} is a copy of ${shownPlace(place)} as it was when this began`);
    return EXIT.ok;
  }
  if (from === undefined || to !== undefined) throw new UsageError("restore: expected --from FILE, and no --to");
  const kept = await restore(place, from, new Date(), store);
  const before = kept === undefined ? "there was nothing before" : `what was there is kept in ${kept}`;
  print(json, { place: shownPlace(place), from, kept }, `${shownPlace(place)} is what ${from} holds; ${before}`);
  if (indexOfAggregator(party) !== undefined) {
    const rules =
      "where no aggregator may forget it leaves all slots until now to the others (docs/postgresql.md, Backups)";
    process.stderr.write(`${party} no longer knows what it has endorsed since that copy: ${rules}\n`);
  }
  return EXIT.ok;
}

async function moveStore({ place, maker }: StoreOf, data: string, url: string, json: boolean): Promise<void> {
  const paths = { data, logs: "", results: "" };
  const file = place({ storage: { url: "" }, paths });
  const target = place({ storage: { url }, paths });
  const tables = await move({
    ...{ file, place: target, maker },
    progress: (table, rows, of) => {
      if (!json) process.stderr.write(`${table}: ${rows} of ${of} rows\n`);
    },
  });
  const rows = tables.reduce((sum, one) => sum + one.rows, 0);
  const lines = tables.map((one) => `${one.table}: ${one.rows} rows, checksum ${one.checksum.slice(0, 16)}`);
  const last = `${shownPlace(target)} holds the ${rows} rows of ${file}, read back and compared. Set storage.url before you start the party.`;
  print(json, { from: file, to: shownPlace(target), rows, tables }, [...lines, last].join("\n"));
}

function print(json: boolean, values: object, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(values) : text}\n`);
}

await runRole({
  name: "database",
  description:
    "Copies a party's database while the party runs; puts a copy back, or moves a file to a server, while it is stopped.",
  operands: "<backup|restore|move>",
  logFiles: false,
  flags: [
    { flags: "--party <name>", description: `an aggregator: a-1, or ${STORE_NAMES.join(", ")}`, required: true },
    {
      flags: "--to <file or address>",
      description: "backup: the file to write; it must not be there. move: the server, as in storage.url",
    },
    {
      flags: "--from <file or folder>",
      description: "restore: a copy that backup has made. move: another data folder",
    },
  ],
  help: `A copy of a file is an SQLite database; of a schema on a server it is an archive of pg_dump. What restore replaces is kept
beside. move copies all rows of the party's SQLite file into its empty schema on a server, where it compares counts and checksums
before anything counts; the file stays as it is. docs/postgresql.md says what a party no longer knows that goes on from an old copy.`,
  examples: [
    "npm run database -- backup --party utility --to utility-2025-01-15.backup",
    "npm run database -- restore --party a-1 --from a-1.backup",
    "npm run database -- move --party a-1 --to postgresql://db.example.org:5432/wattveil",
  ],
  run,
});
