/** A log in a database of its own, in a temporary folder. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import type { NoteSigner } from "../../../protocol/log/index.ts";
import { openStore } from "../../../config/runtime/store.ts";
import { testPlace } from "../../../config/runtime/testing/store-place.ts";
import { openUtilityDatabase, type UtilityDatabase } from "../../store/open.ts";
import { Ledger, type NewEntry } from "../ledger.ts";
import { TreeReader } from "../tree.ts";

export const TIME = 1_750_000_000;

/** A log's key that no test shares with another. */
function logSigner(name = "log.example/test"): NoteSigner {
  const { privateKey }: { privateKey: KeyObject } = generateKeyPairSync("ed25519");
  return { name, signKey: privateKey };
}

export interface LogBed {
  readonly folder: string;
  readonly file: string;
  readonly db: UtilityDatabase;
  readonly signer: NoteSigner;
  readonly ledger: Ledger;
  readonly tree: TreeReader;
  append(entries: readonly NewEntry[]): Promise<number>;
  /** As somebody who has the file, but not the key. */
  tamper(sql: string, ...values: unknown[]): void;
}

export async function logBed(t: TestContext): Promise<LogBed> {
  const folder = await mkdtemp(path.join(tmpdir(), "ledger-"));
  const file = testPlace(path.join(folder, "utility.db"));
  const db = await openUtilityDatabase(file);
  t.after(async () => {
    await db.destroy();
    await rm(folder, { recursive: true, force: true });
  });
  const signer = logSigner();
  const ledger = new Ledger({ signer });
  return {
    ...{ folder, file, db, signer, ledger, tree: new TreeReader(db) },
    append: (entries) => db.transaction().execute((transaction) => ledger.append(transaction, TIME, entries)),
    tamper: (sql, ...values) => {
      const database = openStore(file, { synchronous: "NORMAL" });
      database.prepare(sql).run(...values);
      database.close();
    },
  };
}

/** Some entries, every other one with something personal in it. */
export function someEntries(count: number, from = 0): NewEntry[] {
  return Array.from({ length: count }, (_, i): NewEntry => {
    const number = from + i;
    const fingerprint = new Uint8Array(32).fill(number % 251);
    if (number % 2 === 0) return { entry: { type: "key", id: `key-${number}`, use: "test", fingerprint } };
    return { entry: { type: "bill" }, subject: `bill ${number}`, content: Buffer.from(`{"number":${number}}`) };
  });
}
