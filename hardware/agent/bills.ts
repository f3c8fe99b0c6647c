/**
 * The customer's bills at the meter: opens what the utility sealed to this household, checks who signed it and whose it
 * is, and keeps each version as a file of its own. A version that is there is never replaced.
 */
import { createHash, type KeyObject } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { hpkeOpen, serverContext } from "../../protocol/envelope/hpke.ts";
import { verify1 } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import { type CustomerBill, customerBill } from "../../protocol/messages/bill.ts";

export interface BillFolderOptions {
  readonly meter: string;
  /** Made on the first bill, mode 0700. */
  readonly folder: string;
  /** X25519 private key of the household. */
  readonly sealKey: KeyObject;
  readonly directory: Pick<Directory, "servers">;
}

/** What became of a bill: kept as a new file, the same as one that is there, or another text under its name. */
export interface TakenBill {
  readonly outcome: "kept" | "repeated" | "contradicts";
  readonly bill: CustomerBill;
  readonly file: string;
}

const UTILITY = "utility";

export class BillFolder {
  readonly #options: BillFolderOptions;

  constructor(options: BillFolderOptions) {
    this.#options = options;
  }

  /**
   * Takes a message of the bill topic. A bill that contradicts the file of its version is kept beside it, under a name
   * that says so. Throws ProtocolError for what is not a bill of the utility for this meter.
   */
  async take(payload: Uint8Array): Promise<TakenBill> {
    const { meter, sealKey, directory } = this.#options;
    const { from, plaintext } = await hpkeOpen(Uint8Array.from(payload), meter, sealKey);
    if (from !== UTILITY)
      throw new ProtocolError("wrong-sender", `expected a bill of the utility, got one from ${from}`);
    const { payload: json } = verify1(plaintext, directory, serverContext(UTILITY, meter), UTILITY);
    const bill = billOfText(Buffer.from(json).toString("utf8"));
    if (bill.meterId !== meter) throw new ProtocolError("wrong-topic", `a bill for ${bill.meterId} came to ${meter}`);
    return { ...this.#keep(bill, Buffer.from(json)), bill };
  }

  #keep(bill: CustomerBill, text: Buffer): Omit<TakenBill, "bill"> {
    const { folder } = this.#options;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const name = `${bill.periodStart}_${bill.periodEnd}-v${bill.version}`;
    const file = join(folder, `${name}.json`);
    if (!existsSync(file)) {
      write(file, text);
      return { outcome: "kept", file };
    }
    if (readFileSync(file).equals(text)) return { outcome: "repeated", file };
    const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
    const beside = join(folder, `${name}.contradicts-${digest}.json`);
    if (!existsSync(beside)) write(beside, text);
    return { outcome: "contradicts", file: beside };
  }
}

/** A reader never sees half a bill, and nobody else reads one at all. */
function write(file: string, text: Buffer): void {
  writeFileSync(`${file}.next`, text, { mode: 0o600, flush: true });
  renameSync(`${file}.next`, file);
}

export interface KeptBill {
  readonly bill: CustomerBill;
  /** False for a text that came under the name of another one. */
  readonly first: boolean;
}

/** All bills in a folder, by period and version. Throws ProtocolError naming a file that is no bill. */
export function readBills(folder: string): KeptBill[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const bills = names.map((name): KeptBill => {
    try {
      return { bill: billOfText(readFileSync(join(folder, name), "utf8")), first: !name.includes(".contradicts-") };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new ProtocolError("malformed", `${join(folder, name)}: ${error.message}`, { cause: error });
    }
  });
  return bills.sort(
    (a, b) =>
      a.bill.periodStart.localeCompare(b.bill.periodStart) ||
      a.bill.version - b.bill.version ||
      Number(b.first) - Number(a.first),
  );
}

function billOfText(text: string): CustomerBill {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProtocolError("malformed", "the bill is no JSON");
  }
  const parsed = customerBill.safeParse(value);
  if (!parsed.success) throw new ProtocolError("malformed", `the bill: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
