/**
 * The log: entries appended durably in batches, proofs at a million entries, the check of all of it. The figures of the
 * appends are with everything that an append does: encoding, commitment, tree, signature, commit with fsync.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createProgress, renderTable } from "../config/runtime/terminal.ts";
import { leafHash, verifyConsistency, verifyInclusion } from "../protocol/log/index.ts";
import { Ledger, type NewEntry, readHead } from "../utility/ledger/ledger.ts";
import { TreeReader } from "../utility/ledger/tree.ts";
import { verifyLog } from "../utility/ledger/verify.ts";
import { openUtilityDatabase, type UtilityDatabase } from "../utility/store/open.ts";
import type { BenchOptions } from "./bench.ts";
import { duration, figure, type Row } from "./words.ts";

const ENTRIES = 1_000_000;
const QUICK_ENTRIES = 100_000;
const BATCH = 2_000;
/** Bills with their contents: what a month of a large town is. */
const BILLS = 100_000;
const BILL_BYTES = 700;
const PROOFS = 2_000;
const TARGET_APPENDS = 20_000;
const TARGET_PROOF_MS = 1;

export async function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-bench-ledger-"));
  const db = await openUtilityDatabase(join(folder, "utility.db"));
  try {
    const { privateKey } = generateKeyPairSync("ed25519");
    const ledger = new Ledger({ signer: { name: "log.example/bench", signKey: privateKey } });
    const total = quick ? QUICK_ENTRIES : ENTRIES;
    const fingerprint = randomBytes(32);
    const plain = await append(db, ledger, total, json, (number) => ({
      entry: { type: "key", id: `key-${number}`, use: "bench", fingerprint },
    }));
    const content = randomBytes(BILL_BYTES);
    const bills = await append(db, ledger, quick ? BILLS / 10 : BILLS, json, (number) => ({
      ...{ entry: { type: "bill" }, content, subject: `bill m-${number} 2025-01-01 2025-02-01 1` },
    }));
    const proofs = await prove(db, total);
    const start = performance.now();
    let findings = 0;
    const { size } = await verifyLog(db, { log: ledger.key }, () => findings++);
    const verifySeconds = (performance.now() - start) / 1_000;
    if (findings > 0) throw new Error(`${findings} findings in a log that nobody has changed`);
    const result = {
      ...{ entries: size, batch: BATCH, appends: plain, billsWithContents: bills, proofs, verifySeconds },
      ...{ targetAppendsPerSecond: TARGET_APPENDS, targetProofMilliseconds: TARGET_PROOF_MS },
    };
    if (!json) process.stdout.write(`${describe(result)}\n`);
    return result;
  } finally {
    await db.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Appended {
  readonly entries: number;
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

async function append(
  db: UtilityDatabase,
  ledger: Ledger,
  count: number,
  silent: boolean,
  make: (number: number) => NewEntry,
): Promise<Appended> {
  const bar = createProgress({ label: "entries", total: count, silent });
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (let from = 0; from < count; from += BATCH) {
    const entries = Array.from({ length: BATCH }, (_, i) => make(from + i));
    await db.transaction().execute((transaction) => ledger.append(transaction, 1_750_000_000, entries));
    bar.update(from + BATCH);
  }
  const seconds = (performance.now() - start) / 1_000;
  bar.stop();
  const { user, system } = process.cpuUsage(cpu);
  return { entries: count, perSecond: count / seconds, cpuMicroseconds: (user + system) / count };
}

interface Proved {
  readonly inclusionMilliseconds: number;
  readonly inclusionCpuMilliseconds: number;
  readonly consistencyMilliseconds: number;
  /** The slowest of a hundred is slower than this one. */
  readonly inclusionP99Milliseconds: number;
}

/** Proofs at places all over the tree, each of which is then verified. */
async function prove(db: UtilityDatabase, size: number): Promise<Proved> {
  const tree = new TreeReader(db);
  const root = await tree.root(size);
  const indices = Array.from({ length: PROOFS }, (_, i) => (i * 7_919_317) % size);
  const times: number[] = [];
  const cpu = process.cpuUsage();
  const inclusions: Uint8Array[][] = [];
  for (const index of indices) {
    const start = performance.now();
    inclusions.push(await tree.inclusion(index, size));
    times.push(performance.now() - start);
  }
  const used = process.cpuUsage(cpu);
  const start = performance.now();
  const consistencies: Uint8Array[][] = [];
  for (const index of indices) consistencies.push(await tree.consistency(index + 1, size));
  const consistencyMilliseconds = (performance.now() - start) / PROOFS;
  for (const [i, index] of indices.entries()) {
    const { entry } = await db
      .selectFrom("ledger_entries")
      .select("entry")
      .where("idx", "=", index)
      .executeTakeFirstOrThrow();
    verifyInclusion({ index, size, leaf: leafHash(entry), proof: inclusions[i]!, root });
    if (i % 20 > 0) continue;
    const from = index + 1;
    verifyConsistency({ from, fromRoot: await tree.root(from), size, root, proof: consistencies[i]! });
  }
  if ((await readHead(db)).size < size) throw new Error("the log is shorter than its proofs");
  times.sort((a, b) => a - b);
  return {
    inclusionMilliseconds: times.reduce((sum, time) => sum + time, 0) / PROOFS,
    consistencyMilliseconds,
    inclusionCpuMilliseconds: (used.user + used.system) / 1_000 / PROOFS,
    inclusionP99Milliseconds: times[Math.floor(PROOFS * 0.99)]!,
  };
}

interface Result {
  readonly entries: number;
  readonly appends: Appended;
  readonly billsWithContents: Appended;
  readonly proofs: Proved;
  readonly verifySeconds: number;
}

function describe({ entries, appends, billsWithContents: bills, proofs, verifySeconds }: Result): string {
  const rate = ({ perSecond, cpuMicroseconds }: Appended): string =>
    `${figure(perSecond)} per second, ${figure(cpuMicroseconds, 1)} µs of processor time each`;
  const met = (is: boolean): string => (is ? "met" : "missed");
  const rows: Row[] = [
    ["entries", `${figure(entries)} in batches of ${figure(BATCH)}, each durable`],
    ["appends", rate(appends)],
    ["bills with their contents", rate(bills)],
    ["target", `at least ${figure(TARGET_APPENDS)} per second: ${met(appends.perSecond >= TARGET_APPENDS)}`],
    [
      "proof of inclusion",
      `${figure(proofs.inclusionMilliseconds, 3)} ms (${figure(proofs.inclusionCpuMilliseconds, 3)} ms of processor time), 99 of 100 within ${figure(proofs.inclusionP99Milliseconds, 3)} ms`,
    ],
    ["proof of consistency", `${figure(proofs.consistencyMilliseconds, 3)} ms`],
    [
      "target",
      `under ${TARGET_PROOF_MS} ms: ${met(proofs.inclusionMilliseconds < TARGET_PROOF_MS && proofs.consistencyMilliseconds < TARGET_PROOF_MS)}`,
    ],
    ["check of the whole log", duration(verifySeconds)],
  ];
  return renderTable(["the log", "result"], rows);
}
