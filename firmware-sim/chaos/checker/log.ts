/**
 * The log: nothing was taken away or changed while it grew, what it says of loads is the truth, each said once, and every
 * bill can be proved by it. Signatures, entries and proofs are read by the protocol's own functions; trees are not.
 */
import { join } from "node:path";
import Database from "better-sqlite3";
import {
  assertCommitted,
  decodeEntry,
  type EntryContent,
  LogError,
  type LogPolicy,
  openCheckpoint,
  parseBill,
  tariffName,
  verifyInclusion,
} from "../../../protocol/log/index.ts";
import type { Observed } from "../observer.ts";
import { loadFault } from "./loads.ts";
import { PlainTree } from "./merkle.ts";
import { Findings } from "./report.ts";
import type { Truth } from "./truth.ts";

interface PrivateRow {
  readonly idx: number;
  readonly subject: string;
  readonly salt: Buffer | null;
  readonly content: Buffer | null;
}

interface BillKey {
  readonly meter_id: string;
  readonly period_start: string;
  readonly period_end: string;
  readonly version: number;
  readonly energy_wh: number | null;
  readonly amount_micro: number | null;
}

export interface LogInput {
  readonly data: string;
  readonly utility: Database.Database;
  readonly policy: LogPolicy;
  /** Databases of witnesses, relative to the data folder. */
  readonly witnesses: readonly string[];
  readonly observed: readonly Observed[];
  readonly truth: Truth;
  readonly minMeters: number;
  /** Text of the tariff. */
  readonly tariff: string;
}

export function checkLog(input: LogInput): Findings[] {
  const rows = input.utility
    .prepare<[], { idx: number; type: string; entry: Buffer }>("SELECT * FROM ledger_entries ORDER BY idx")
    .all();
  const tree = new PlainTree(rows.map(({ entry }) => entry));
  const contents = new Map<number, EntryContent>();
  const entries = new Findings("entries", "each entry of the log has its place, and none tells of a fault or a lie");
  for (const [i, { idx, type, entry }] of rows.entries()) {
    const content = entryOf(entry, idx, entries);
    const isPlain = content?.type === type && !["failure", "lie"].includes(type);
    entries.look(idx === i && isPlain, () => `entry ${idx} (${type}) stands at ${i}: ${JSON.stringify(content)}`);
    if (content !== undefined) contents.set(idx, content);
  }
  return [entries, checkGrowth(input, tree), checkLoggedLoads(input, contents), checkReceipts(input, tree, contents)];
}

function entryOf(bytes: Uint8Array, index: number, found: Findings): EntryContent | undefined {
  try {
    return decodeEntry(bytes).content;
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    found.add(`entry ${index}: ${error.message}`);
    return undefined;
  }
}

/** Every checkpoint that was ever signed is one of this very log, and the witnesses have seen no other. */
function checkGrowth({ data, utility, policy, witnesses, observed }: LogInput, tree: PlainTree): Findings {
  const found = new Findings(
    "log",
    "every checkpoint that was kept, published or cosigned is signed, and a beginning of the log",
  );
  const look = (name: string, note: string, quorum: number): number => {
    try {
      const { size, root } = openCheckpoint(note, { ...policy, quorum });
      const isBeginning = size <= tree.size && tree.root(size).equals(root);
      found.look(isBeginning, () => `${name} is of ${size} entries that are not the first ones of these ${tree.size}`);
      return size;
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
      found.add(`${name}: ${error.message}`);
      return 0;
    }
  };
  const head = utility
    .prepare<[], { size: number; checkpoint: string }>("SELECT size, checkpoint FROM ledger_head")
    .get();
  const signed = look("the head", head?.checkpoint ?? "", 0);
  found.look(signed === tree.size, () => `the head is of ${signed} entries, there are ${tree.size}`);
  const kept = utility.prepare<[], { size: number; checkpoint: string; cosignatures: number }>(
    "SELECT * FROM ledger_checkpoints",
  );
  for (const { size, checkpoint, cosignatures } of kept.iterate()) {
    look(`the kept checkpoint of ${size} with ${cosignatures} cosignatures`, checkpoint, cosignatures);
  }
  for (const { topic, payload } of observed) {
    if (topic.endsWith("/checkpoint")) look("a published checkpoint", noteIn(payload), policy.quorum);
  }
  for (const witness of witnesses) {
    const database = new Database(join(data, witness), { readonly: true, fileMustExist: true });
    try {
      const logs = database.prepare<[], { size: number; root: Buffer }>("SELECT size, root FROM logs").all();
      for (const { size, root } of logs) {
        const isBeginning = size <= tree.size && tree.root(size).equals(root);
        found.look(
          isBeginning,
          () => `${witness} has cosigned ${size} entries that are not the first ones of this log`,
        );
      }
      const { count } = database.prepare<[], { count: number }>("SELECT count(*) AS count FROM evidence").get()!;
      found.look(count === 0, () => `${witness} holds ${count} pieces of evidence against this log`);
    } finally {
      database.close();
    }
  }
  return found;
}

/** What is published is JSON with the signed note in it. */
function noteIn(payload: string): string {
  try {
    return String((JSON.parse(payload) as { checkpoint?: unknown }).checkpoint);
  } catch {
    return payload;
  }
}

function checkLoggedLoads({ truth, minMeters }: LogInput, contents: ReadonlyMap<number, EntryContent>): Findings {
  const found = new Findings("logged loads", "each load was logged once, and is the sum of what was fed");
  const seen = new Map<string, number>();
  for (const content of contents.values()) {
    if (content.type !== "loads") continue;
    for (const [start, energyWh, exportWh, meters] of content.loads) {
      const key = `${content.feeder}/${start}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
      const due = truth.loads.get(key);
      const fault =
        due === undefined ? "nothing was fed for it" : loadFault({ energyWh, exportWh, meters }, due, minMeters);
      if (fault !== undefined) found.add(`logged load of ${key}: ${fault}`);
    }
  }
  for (const [key, { meters }] of truth.loads) {
    const times = seen.get(key) ?? 0;
    found.look(times === (meters >= minMeters ? 1 : 0), () => `the load of ${key} was logged ${times} times`);
  }
  return found;
}

/** For every final bill: what was committed to says the same, and a checkpoint that all witnesses have seen covers it. */
function checkReceipts(
  { utility, policy, tariff }: LogInput,
  tree: PlainTree,
  contents: ReadonlyMap<number, EntryContent>,
): Findings {
  const found = new Findings(
    "receipts",
    "every bill is in the log as it is, under a checkpoint that enough witnesses have seen",
  );
  const believed = utility
    .prepare<[number], { size: number; checkpoint: string }>(
      "SELECT size, checkpoint FROM ledger_checkpoints WHERE cosignatures >= ? ORDER BY size DESC LIMIT 1",
    )
    .get(policy.quorum);
  const kept = new Map(
    utility
      .prepare<[], PrivateRow>("SELECT * FROM ledger_private")
      .all()
      .map((row) => [row.subject, row]),
  );
  const name = tariffName(tariff);
  const bills = utility.prepare<[], BillKey>("SELECT * FROM bills WHERE status = 'final'");
  for (const bill of bills.iterate()) {
    const subject = `bill ${bill.meter_id} ${bill.period_start} ${bill.period_end} ${bill.version}`;
    const fault = receiptFault(bill, kept.get(subject), { believed, policy, tree, contents, tariff: name });
    found.look(fault === undefined, () => `${subject}: ${fault ?? ""}`);
  }
  return found;
}

interface ReceiptParts {
  readonly believed: { readonly size: number; readonly checkpoint: string } | undefined;
  readonly policy: LogPolicy;
  readonly tree: PlainTree;
  readonly contents: ReadonlyMap<number, EntryContent>;
  readonly tariff: string;
}

function receiptFault(bill: BillKey, kept: PrivateRow | undefined, parts: ReceiptParts): string | undefined {
  const { believed, policy, tree, contents, tariff } = parts;
  if (kept === undefined || kept.salt === null || kept.content === null) return "the log keeps nothing of it";
  const entry = contents.get(kept.idx);
  const leaf = tree.leaf(kept.idx);
  if (entry?.type !== "bill" || leaf === undefined) return `entry ${kept.idx} is no bill`;
  if (believed === undefined) return "no checkpoint has been seen by enough witnesses";
  if (believed.size > tree.size) return `witnesses have seen ${believed.size} entries, there are ${tree.size}`;
  if (kept.idx >= believed.size) return `entry ${kept.idx} is not below the ${believed.size} that witnesses have seen`;
  try {
    assertCommitted(entry.commitment, kept.salt, kept.content);
    const said = parseBill(kept.content.toString("utf8"));
    const isSame =
      said.meterId === bill.meter_id &&
      said.periodStart === bill.period_start &&
      said.energyWh === bill.energy_wh &&
      said.amountMicro === bill.amount_micro &&
      said.tariff === tariff;
    if (!isSame) return `the log has ${said.energyWh} Wh for ${said.amountMicro} by the tariff ${said.tariff}`;
    const { size, root } = openCheckpoint(believed.checkpoint, policy);
    verifyInclusion({ index: kept.idx, size, leaf, proof: tree.path(kept.idx, size), root });
    return undefined;
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    return error.message;
  }
}
