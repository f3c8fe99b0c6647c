/**
 * The customer's bills at the meter: opens what the utility sealed to this household, checks who signed it and whose it
 * is, and keeps each version with its receipt as files of its own. A version that is there is never replaced. Then it
 * checks what a receipt is for: that the bill is in the log, and follows from this meter's own readings.
 */
import { createHash, type KeyObject } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { writeWholeFile } from "../../config/runtime/system-fault.ts";
import { type CheckedReceipt, checkReceipt } from "../../billing/receipt.ts";
import type { MeterReadings } from "../../billing/readings-file.ts";
import { hpkeOpen, serverContext } from "../../protocol/envelope/hpke.ts";
import { verify1 } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import { LogError, type LogPolicy, parseBill, parseReceipt } from "../../protocol/log/index.ts";
import type { CustomerBill } from "../../protocol/messages/bill.ts";

export interface BillFolderOptions {
  readonly meter: string;
  /** Made on the first bill, mode 0700. */
  readonly folder: string;
  /** X25519 private key of the household. */
  readonly sealKey: KeyObject;
  readonly directory: Pick<Directory, "servers">;
  /** By what the utility's log is believed. */
  readonly policy: LogPolicy;
  /** What this meter has measured. */
  readonly readings: () => MeterReadings;
}

/** What became of a bill: kept as a new file, the same as one that is there, or another text under its name. */
export interface TakenBill {
  readonly outcome: "kept" | "repeated" | "contradicts";
  readonly bill: CustomerBill;
  readonly file: string;
  /** What the receipt proves; with findings it is a reason for alarm. */
  readonly check: BillVerdict;
}

/** As it is kept beside the bill. */
export type BillVerdict = Pick<CheckedReceipt, "readings" | "findings">;

const RECEIPT = ".receipt";
const CHECK = ".check";
const UTILITY = "utility";
const NOTHING_COMPARED = "nothing was compared: this meter has no reading of what the bill charges";

/** The utility has signed, for this household, what is no bill: an alarm, where a stranger's noise is none. */
export class UnusableBillError extends ProtocolError {
  constructor(cause: Error) {
    super("malformed", cause.message, { cause });
    this.name = "UnusableBillError";
  }
}

export class BillFolder {
  readonly #options: BillFolderOptions;

  constructor(options: BillFolderOptions) {
    this.#options = options;
  }

  /**
   * Takes a message of the bill topic. A bill that contradicts the file of its version is kept beside it, under a name
   * that says so. Throws ProtocolError for what is not a bill of the utility for this meter, UnusableBillError
   * where the utility has signed it all the same.
   */
  async take(payload: Uint8Array): Promise<TakenBill> {
    const { meter, sealKey, directory } = this.#options;
    const { from, plaintext } = await hpkeOpen(Uint8Array.from(payload), meter, sealKey);
    if (from !== UTILITY)
      throw new ProtocolError("wrong-sender", `expected a bill of the utility, got one from ${from}`);
    const { payload: signed } = verify1(plaintext, directory, serverContext(UTILITY, meter), UTILITY);
    const receipt = `${Buffer.from(signed).toString("utf8").trimEnd()}\n`; // sealed with blanks behind it
    const { text, bill } = billOfReceipt(receipt);
    if (bill.meterId !== meter) throw new ProtocolError("wrong-topic", `a bill for ${bill.meterId} came to ${meter}`);
    const kept = this.#keep(bill, Buffer.from(text));
    return { ...kept, bill, check: this.#check(kept.file, receipt) };
  }

  /** A repeat comes with a newer checkpoint: the receipt that proves the bill stands. */
  #check(file: string, receipt: string): BillVerdict {
    const { policy, readings } = this.#options;
    const own = readings();
    const { readings: verdict, findings } = checkReceipt(receipt, { policy, readings: own });
    // Whoever has readings expects them to be compared; a device keeps its own to itself.
    const silent = verdict === "none" && Object.values(own).some((slots) => slots.size > 0);
    const check: BillVerdict = { readings: verdict, findings: silent ? [...findings, NOTHING_COMPARED] : findings };
    const before = checkBeside(file);
    if (before?.findings.length === 0 && before.readings !== "none") return before;
    write(beside(file, RECEIPT), Buffer.from(receipt));
    write(beside(file, CHECK), Buffer.from(`${JSON.stringify(check)}\n`));
    return check;
  }

  #keep(bill: CustomerBill, text: Buffer): Pick<TakenBill, "outcome" | "file"> {
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

function beside(file: string, ending: string): string {
  return file.replace(/\.json$/, ending);
}

function checkBeside(file: string): BillVerdict | undefined {
  const kept = beside(file, CHECK);
  return existsSync(kept) ? (JSON.parse(readFileSync(kept, "utf8")) as BillVerdict) : undefined;
}

/** A reader never sees half a bill, and nobody else reads one at all. */
function write(file: string, text: Buffer): void {
  writeWholeFile(`${file}.next`, text, { mode: 0o600, flush: true });
  renameSync(`${file}.next`, file);
}

export interface KeptBill {
  readonly bill: CustomerBill;
  /** False for a text that came under the name of another one. */
  readonly first: boolean;
  /** Undefined for a bill that came before receipts did. */
  readonly check: BillVerdict | undefined;
}

/** All bills in a folder, by period and version. Throws ProtocolError naming a file that is no bill. */
export function readBills(folder: string): KeptBill[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  const bills = names.map((name): KeptBill => {
    try {
      const file = join(folder, name);
      const first = !name.includes(".contradicts-");
      return { bill: parseBill(readFileSync(file, "utf8")), first, check: checkBeside(file) };
    } catch (error) {
      if (!(error instanceof LogError)) throw error;
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

function billOfReceipt(receipt: string): { readonly text: string; readonly bill: CustomerBill } {
  try {
    const { bill: text } = parseReceipt(receipt);
    return { text, bill: parseBill(text) };
  } catch (cause) {
    if (!(cause instanceof LogError)) throw cause;
    throw new UnusableBillError(cause);
  }
}
