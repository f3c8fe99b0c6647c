/** Appends to the log of a database as fast as it can, and says what is durable: made to be killed. */
import { createHash, createPrivateKey } from "node:crypto";
import { openUtilityDatabase } from "../../store/open.ts";
import { Ledger, readHead } from "../ledger.ts";
import { someEntries, TIME } from "./log-bed.ts";

/** The same key in every process. */
export function writerLedger(): Ledger {
  const d = createHash("sha256").update("a log's key for a test").digest();
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), d]);
  const signKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  return new Ledger({ signer: { name: "log.example/killed", signKey } });
}

const BATCH = 7;
const [, program = "", file] = process.argv;
if (file !== undefined && program.endsWith("append-main.ts")) {
  const db = await openUtilityDatabase(file);
  const ledger = writerLedger();
  for (;;) {
    const size = await db.transaction().execute(async (transaction) => {
      const { size: before } = await readHead(transaction);
      await ledger.append(transaction, TIME, someEntries(BATCH, before));
      return before + BATCH;
    });
    process.stdout.write(`${size}\n`);
  }
}
