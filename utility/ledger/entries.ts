/** What the utility logs, as entries: which part anyone may read, and what is only committed to. */
import { createHash } from "node:crypto";
import type { SetContent } from "../../protocol/messages/round.ts";
import { aggregatorId } from "../../protocol/names.ts";
import type { RoundRecord } from "../rounds/record.ts";
import type { HeResultsTable, HeValuesTable } from "../store/opened-tables.ts";
import type { FeederBalancesTable } from "../store/balance-tables.ts";
import type { BillsTable, DetectionsTable, ReleasedTotalsTable } from "../store/tables.ts";
import type { NewEntry } from "./ledger.ts";

type BillKey = Pick<BillsTable, "meter_id" | "period_start" | "period_end" | "version">;
type HeResult = Omit<HeResultsTable, "published" | "opened">;
type HeValue = Omit<HeValuesTable, "job">;
type Load = readonly [slotStart: number, energyWh: number, exportWh: number | null, meters: number];

const LOADS_AT_ONCE = 1_000;
const NO_SET = new Uint8Array(32);

/** The name of a bill's content in the log's private table. */
export function billSubject({ meter_id, period_start, period_end, version }: BillKey): string {
  return `bill ${meter_id} ${period_start} ${period_end} ${version}`;
}

/** A bill, as the very JSON that its customer gets. */
export function billEntry(bill: BillKey, json: string): NewEntry {
  return { entry: { type: "bill" }, subject: billSubject(bill), content: Buffer.from(json) };
}

/** What the entries at `indices` commit to is forgotten; `at` is the log's size before it. */
export function eraseEntry(before: string, indices: readonly number[], at: number): NewEntry {
  const entry = { type: "erase", before, count: indices.length } as const;
  return { entry, subject: `erase ${at}`, content: Buffer.from(JSON.stringify(indices)) };
}

/** The indices that an entry `erase` commits to; undefined for other bytes than `eraseEntry` makes. */
export function erasedIndices(content: Uint8Array): number[] | undefined {
  const value = parseJson(content);
  if (!Array.isArray(value) || !value.every((one): one is number => Number.isSafeInteger(one))) return undefined;
  return value;
}

/** JSON of somebody's database; undefined where it is none. */
export function parseJson(bytes: Uint8Array | string): unknown {
  try {
    return JSON.parse(typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}

/** A set is fixed. Cells and meters are in what its id is the hash of. */
export function setEntry({ id, question, setId }: RoundRecord): NewEntry {
  const { purpose, feeder, segments } = question;
  return { entry: { type: "set", round: id, purpose, feeder, segments, setId: setId ?? NO_SET } };
}

/** Loads that a round released. */
export function loadEntries({ id, question, setId }: RoundRecord, loads: readonly Load[]): NewEntry[] {
  return Array.from({ length: Math.ceil(loads.length / LOADS_AT_ONCE) }, (_, i): NewEntry => {
    const some = loads.slice(i * LOADS_AT_ONCE, (i + 1) * LOADS_AT_ONCE).map((load): [...Load] => [...load]);
    return { entry: { type: "loads", round: id, feeder: question.feeder, setId: setId ?? NO_SET, loads: some } };
  });
}

/** Sums of single meters that a billing round opened. */
export function totalsEntry(
  { id, setId }: RoundRecord,
  content: SetContent,
  rows: readonly ReleasedTotalsTable[],
): NewEntry {
  const entry = {
    type: "totals",
    round: id,
    feeder: content.feeder,
    setId: setId ?? NO_SET,
    count: rows.length,
  } as const;
  return { entry, subject: totalsSubject(id), content: totalsContent(rows) };
}

export function totalsSubject(round: string): string {
  return `totals ${round}`;
}

/** The rows as they are committed to: in one order, whatever the database's. */
export function totalsContent(rows: readonly ReleasedTotalsTable[]): Buffer {
  const values = rows.map((row) => [
    ...[row.meter_id, row.period_start, row.period_end, row.source_start, row.source_end, row.row, row.kind],
    ...[row.cells, row.energy_wh, row.spare_answers],
  ]);
  return Buffer.from(JSON.stringify(values.map((value) => JSON.stringify(value)).sort()));
}

/** What a round of balances showed; who reads the log learns nothing of who loses how much. */
export function balancesEntry({ id, question, setId }: RoundRecord, rows: readonly FeederBalancesTable[]): NewEntry {
  const base = { round: id, feeder: question.feeder, setId: setId ?? NO_SET, count: rows.length };
  return { entry: { type: "balances", ...base }, subject: balancesSubject(id), content: balancesContent(rows) };
}

export function balancesSubject(round: string): string {
  return `balances ${round}`;
}

/** The rows as they are committed to, in the order of their slots. */
export function balancesContent(rows: readonly FeederBalancesTable[]): Buffer {
  const values = [...rows]
    .sort((a, b) => a.slot_start - b.slot_start)
    .map((row) => [
      ...[row.feeder_id, row.slot_start, row.balance_wh, row.import_wh, row.export_wh, row.loss_wh],
      ...[row.residual_wh, row.status, row.spare_answers],
    ]);
  return Buffer.from(JSON.stringify(values));
}

/** A round that came to nothing. The evidence may name meters. */
export function failureEntry({ id, status, reason, evidence }: RoundRecord): NewEntry {
  const content = failureContent(reason, evidence ?? null);
  return { entry: { type: "failure", round: id, code: status }, subject: failureSubject(id), content };
}

export function failureSubject(round: string): string {
  return `failure ${round}`;
}

export function failureContent(reason: string, evidence: string | null): Buffer {
  return Buffer.from(JSON.stringify({ reason, evidence }));
}

type Detected = Omit<DetectionsTable, "round_id" | "detected_at">;
/** Why a round leaves meters out for what they have shared. */
const LEFT_OUT: ReadonlySet<string> = new Set(["inconsistent-shares", "out-of-range"]);

/** Wrong answers in a round and meters that it left out for their shares: an entry for each code. */
export function lieEntries(
  { id, excluded }: Pick<RoundRecord, "id" | "excluded">,
  found: readonly Detected[],
): NewEntry[] {
  return [...lieContents(excluded, found)].map(([code, content]) => {
    const liars = found.filter((one) => one.code === code && one.verdict === "liar");
    const servers = liars.map(({ aggregator }) => aggregatorId(aggregator)).sort();
    return { entry: { type: "lie", round: id, code, servers }, subject: lieSubject(id, code), content };
  });
}

export function lieSubject(round: string, code: string): string {
  return `lie ${round} ${code}`;
}

/** By code what is committed to: who answered wrongly, with the hashes of signed answers, and who was left out. */
export function lieContents(excluded: RoundRecord["excluded"], found: readonly Detected[]): Map<string, Buffer> {
  const leftOut = excluded.filter(({ code }) => LEFT_OUT.has(code));
  const codes = new Set([...found, ...leftOut].map(({ code }): string => code));
  return new Map(
    [...codes].sort().map((code) => {
      const detections = found
        .filter((one) => one.code === code)
        .sort((a, b) => a.aggregator - b.aggregator)
        .map(({ aggregator, verdict, detail, answers }) => [
          ...[aggregator, verdict, detail],
          createHash("sha256").update(answers).digest("hex"),
        ]);
      const content = { detections, leftOut: leftOut.filter((one) => one.code === code) };
      return [code, Buffer.from(JSON.stringify(content))];
    }),
  );
}

/** What was opened of ciphertexts. */
export function jobEntry(result: HeResult, values: readonly HeValue[], transcript: Uint8Array): NewEntry {
  const { job, circuit, status } = result;
  const hash = Uint8Array.from(createHash("sha256").update(transcript).digest());
  return { entry: { type: "job", job, circuit, status, transcript: hash, result: jobDigest(result, values) } };
}

/** SHA-256 over what came out: columns of `he_results` and the numbers in their order. */
export function jobDigest(result: HeResult, values: readonly HeValue[]): Uint8Array {
  const row = result;
  const facts = [
    ...[row.job, row.circuit, row.parameters, row.feeders, row.series, row.window_start, row.window_end, row.slots],
    ...[row.meters, row.inputs, row.unit, row.error_bound, row.residue, row.residue_bound, row.opened_by],
    ...[row.epoch, row.parameter_set, row.status, row.reason],
  ];
  const numbers = values.map(({ name, position, slot_start, value }) =>
    JSON.stringify([name, position, slot_start, value]),
  );
  return Uint8Array.from(
    createHash("sha256")
      .update(JSON.stringify([facts, numbers.sort()]))
      .digest(),
  );
}

/** A public key that counts from now on. */
export function keyEntry(id: string, use: string, key: Uint8Array): NewEntry {
  const fingerprint = Uint8Array.from(createHash("sha256").update(key).digest());
  return { entry: { type: "key", id, use, fingerprint } };
}
