/**
 * `npm run ledger`: the log of a utility from its database, also while the utility runs. Only `erase` changes anything;
 * it logs what it erased with the utility's key, of which the rest needs the public half alone.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { logPolicy } from "../config/log-policy.ts";
import { openParty } from "../config/keys/index.ts";
import { shownPlace, storeExists } from "../config/runtime/store.ts";
import { storePlace } from "../config/storage/place.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import { readText } from "../config/runtime/text-file.ts";
import { ENTRY_TYPES, formatKey, formatPolicy, formatProof, type LogPolicy } from "../protocol/log/index.ts";
import { parsePeriod } from "./bills/list.ts";
import { Checkpoints } from "./ledger/checkpoints.ts";
import { eraseBills } from "./ledger/erase.ts";
import { exportTiles } from "./ledger/export.ts";
import { readHead } from "./ledger/ledger.ts";
import { openLedger } from "./ledger/open.ts";
import { Receipts } from "./ledger/receipts.ts";
import { tailEntries } from "./ledger/tail.ts";
import { TreeReader } from "./ledger/tree.ts";
import { verifyAll, verifiedText } from "./ledger/verify-command.ts";
import { openForReading, openUtilityDatabase, type UtilityDatabase } from "./store/open.ts";
import { printable } from "../protocol/printable.ts";

interface LedgerFlags {
  readonly checkpoint?: string;
  readonly index?: string;
  readonly size?: string;
  readonly from?: string;
  readonly to?: string;
  readonly meter?: string;
  readonly period?: string;
  readonly before?: string;
  readonly lines?: string;
  readonly type?: string;
}

interface Call {
  readonly context: RoleContext;
  readonly flags: LedgerFlags;
  readonly db: UtilityDatabase;
  readonly policy: LogPolicy;
  readonly slotSeconds: number;
}

interface Verb {
  readonly about: string;
  readonly flags: readonly (keyof LedgerFlags)[];
  /** It writes to the database. */
  readonly writes?: true;
  readonly run: (call: Call) => Promise<number>;
}

const VERBS: Readonly<Record<string, Verb>> = {
  verify: { about: "checks every entry, hash, signature and table", flags: ["checkpoint"], run: verify },
  prove: {
    about: "prints a proof of an entry (--index), or that a log goes on (--from)",
    flags: ["index", "from", "size"],
    run: prove,
  },
  receipt: {
    about: "writes the receipt of a bill (--meter, --period, --to FILE)",
    flags: ["meter", "period", "to"],
    run: receipt,
  },
  checkpoint: { about: "prints the newest checkpoint that the witnesses have seen", flags: [], run: checkpoint },
  export: { about: "writes tiles for a web server (--to FOLDER)", flags: ["to"], run: exportLog },
  tail: { about: "prints the last entries (--lines, --type)", flags: ["lines", "type"], run: tail },
  key: { about: "prints the policy: the log's key and its witnesses, for customers", flags: [], run: key },
  erase: {
    about: "forgets what bills before a date say (--before, --meter)",
    flags: ["before", "meter"],
    writes: true,
    run: erase,
  },
};

async function run(context: RoleContext): Promise<number> {
  const { config, operands, options } = context;
  const [name = "", ...more] = operands;
  const verb = VERBS[name];
  if (verb === undefined || more.length > 0) {
    throw new UsageError(`expected one of ${Object.keys(VERBS).join(", ")}, got ${operands.join(" ") || "nothing"}`);
  }
  const flags = options as LedgerFlags;
  const all = [...new Set(Object.values(VERBS).flatMap((one) => one.flags))];
  const stray = all.find((flag) => flags[flag] !== undefined && !verb.flags.includes(flag));
  if (stray !== undefined) throw new UsageError(`--${stray}: not for ${name}`);
  const place = storePlace(config, "utility", "utility.db");
  if (!storeExists(place))
    throw new UsageError(`${shownPlace(place)} does not exist: start the utility first, or set --data`);
  const { directory } = openParty(path.join(config.paths.data, "keys", "utility"));
  const logKey = directory.servers.get("utility")?.signKey;
  if (logKey === undefined) throw new UsageError("the directory lists no key of the utility");
  const policy = logPolicy(config, logKey);
  const db = verb.writes === true ? await openUtilityDatabase(place) : openForReading(place);
  try {
    return await verb.run({ context, flags, db, policy, slotSeconds: directory.slotSeconds });
  } finally {
    await db.destroy();
  }
}

async function verify({ context, flags, db, policy, slotSeconds }: Call): Promise<number> {
  const saved = flags.checkpoint === undefined ? [] : [{ name: flags.checkpoint, note: readNote(flags.checkpoint) }];
  const report = await verifyAll(db, { log: policy.log, saved, slotSeconds, silent: context.json });
  print(context.json ? JSON.stringify(report) : verifiedText(report));
  return report.findings.length === 0 ? EXIT.ok : EXIT.failed;
}

async function prove({ flags, db }: Call): Promise<number> {
  const head = await readHead(db);
  const size = flags.size === undefined ? head.size : numberOf("size", flags.size);
  const tree = new TreeReader(db);
  if ((flags.index === undefined) === (flags.from === undefined))
    throw new UsageError("prove: expected --index N or --from N");
  try {
    if (flags.from !== undefined) {
      const from = numberOf("from", flags.from);
      const hashes = await tree.consistency(from, size);
      print(JSON.stringify({ from, size, proof: hashes.map((hash) => Buffer.from(hash).toString("base64")) }));
      return EXIT.ok;
    }
    const checkpoint = await checkpointOf(db, size, head);
    const index = numberOf("index", flags.index ?? "");
    process.stdout.write(formatProof({ index, hashes: await tree.inclusion(index, size), checkpoint }));
    return EXIT.ok;
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`prove: ${error.message}`);
    throw error;
  }
}

async function checkpointOf(
  db: UtilityDatabase,
  size: number,
  head: Awaited<ReturnType<typeof readHead>>,
): Promise<string> {
  const kept = await db
    .selectFrom("ledger_checkpoints")
    .select("checkpoint")
    .where("size", "=", size)
    .executeTakeFirst();
  const note = kept?.checkpoint ?? (size === head.size ? head.checkpoint : undefined);
  if (note === undefined) throw new UsageError(`prove: there is no checkpoint of ${size} entries`);
  return note;
}

async function receipt({ context, flags, db, policy }: Call): Promise<number> {
  const { meter, period, to } = flags;
  if (meter === undefined || period === undefined)
    throw new UsageError("receipt: expected --meter ID and --period YYYY-MM-DD");
  const wanted = periodOf(period);
  const bill = await db
    .selectFrom("current_bills")
    .selectAll()
    .where("meter_id", "=", meter)
    .where("period_start", "=", wanted.from)
    .where("status", "=", "final")
    .orderBy("version", "desc")
    .executeTakeFirst();
  if (bill === undefined) throw new UsageError(`receipt: ${meter} has no final bill of the period ${period}`);
  const made = await new Receipts(db, new Checkpoints(db, policy, { keeps: false })).of(bill);
  if (made === "waiting")
    throw new UsageError("receipt: too few witnesses have seen this bill; it will be there when they have");
  if (made === "gone") throw new UsageError("receipt: what this bill says was erased, or it is older than the log");
  if (to === undefined) process.stdout.write(made.text);
  else {
    writeFileSync(to, made.text, { mode: 0o600 });
    if (!context.json) print(`written to ${to}`);
  }
  return EXIT.ok;
}

async function checkpoint({ db, policy }: Call): Promise<number> {
  const best = await new Checkpoints(db, policy, { keeps: false }).believed();
  if (best === undefined) throw new UsageError("checkpoint: there is none yet that enough witnesses have seen");
  process.stdout.write(best.checkpoint);
  return EXIT.ok;
}

async function exportLog({ context, flags, db, policy }: Call): Promise<number> {
  if (flags.to === undefined) throw new UsageError("export: expected --to FOLDER");
  const best = await new Checkpoints(db, policy, { keeps: false }).believed();
  if (best === undefined) throw new UsageError("export: there is no checkpoint yet that enough witnesses have seen");
  const bar = createProgress({ label: "bundles", total: Math.ceil(best.size / 256), silent: context.json });
  try {
    const result = await exportTiles(db, {
      folder: flags.to,
      checkpoint: best,
      onProgress: (done) => bar.update(done),
    });
    bar.stop();
    print(
      context.json ? JSON.stringify(result) : `${result.size} entries in ${flags.to}, ${result.written} files written`,
    );
    return EXIT.ok;
  } catch (error) {
    bar.stop();
    if (error instanceof RangeError) throw new UsageError(`export: --to: ${error.message}`);
    throw error;
  }
}

async function tail({ flags, db }: Call): Promise<number> {
  const lines = flags.lines === undefined ? 10 : numberOf("lines", flags.lines);
  if (lines === 0) throw new UsageError("--lines: expected at least 1, got 0");
  if (flags.type !== undefined && !ENTRY_TYPES.includes(flags.type)) {
    throw new UsageError(`--type: expected one of ${ENTRY_TYPES.join(", ")}, got ${flags.type}`);
  }
  for (const line of await tailEntries(db, lines, flags.type)) print(line);
  return EXIT.ok;
}

async function key({ context, policy }: Call): Promise<number> {
  if (context.json)
    print(
      JSON.stringify({ log: formatKey(policy.log), witnesses: policy.witnesses.map(formatKey), quorum: policy.quorum }),
    );
  else process.stdout.write(formatPolicy(policy));
  return EXIT.ok;
}

async function erase({ context, flags, db }: Call): Promise<number> {
  if (flags.before === undefined)
    throw new UsageError("erase: expected --before YYYY-MM-DD: periods that ended by then");
  const { from: before } = periodOf(flags.before);
  // Who erases logs it, so it takes the utility's key.
  const { config } = context;
  const { ledger } = await openLedger(db, openParty(path.join(config.paths.data, "keys", "utility")), config);
  const erased = await eraseBills(db, ledger, { before, meter: flags.meter, now: Date.now() / 1000 });
  print(context.json ? JSON.stringify({ erased }) : `${erased} bills erased from the log; all proofs still hold`);
  return EXIT.ok;
}

function periodOf(text: string): ReturnType<typeof parsePeriod> {
  try {
    return parsePeriod(text);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : text);
  }
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new UsageError(`--${name}: expected a number from 0 on, got ${text}`);
}

function readNote(file: string): string {
  try {
    return readText(file);
  } catch {
    throw new UsageError(`--checkpoint: ${file} cannot be read`);
  }
}

function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

await runRole({
  name: "ledger",
  description: "The log: verifies it, proves what is in it, exports it.",
  operands: "[command]",
  logFiles: false,
  flags: [
    { flags: "--checkpoint <file>", description: "verify: a checkpoint saved earlier, which the log must go on from" },
    { flags: "--index <n>", description: "prove: the entry" },
    { flags: "--from <n>", description: "prove: size of the earlier log" },
    { flags: "--size <n>", description: "prove: in the log of so many entries; default all" },
    { flags: "--meter <id>", description: "receipt, erase: bills of this meter" },
    { flags: "--period <date>", description: "receipt: the period that begins on this local date" },
    { flags: "--to <path>", description: "receipt: file to write; export: folder to write" },
    { flags: "--lines <n>", description: "tail: how many entries; default 10" },
    { flags: "--type <name>", description: "tail: only entries of this type" },
    { flags: "--before <date>", description: "erase: bills of periods that ended by this local date" },
  ],
  help: `Commands:\n${Object.entries(VERBS)
    .map(([name, { about }]) => `  ${name.padEnd(11)} ${about}`)
    .join("\n")}

Exit codes: 0 done (verify: everything is as it was logged); 1 something failed, or verify has found something; 2 wrong
usage or configuration; 130 interrupted before it had stopped.`,
  examples: [
    "npm run ledger -- verify --data data",
    "npm run ledger -- receipt --meter m-001 --period 2025-01-01 --to m-001.receipt",
    "npm run ledger -- export --to /var/www/log",
  ],
  run,
});
