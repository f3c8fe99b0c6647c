/**
 * A receipt: one text file with a bill, the tariff it was made with, and the proof that it is in the log. With the log's
 * policy it verifies offline; that the bill follows from readings is for whoever has them.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { type CustomerBill, customerBill } from "../messages/bill.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import type { Cosigned, LogPolicy } from "./checkpoint.ts";
import { assertCommitted, decodeEntry } from "./entry.ts";
import { LogError } from "./errors.ts";
import { parseProof, verifyLogged } from "./logged-proof.ts";

const FORMAT = "wattveil-receipt/1";
/** A bill with its gaps, a tariff, and a proof fit in many times over. */
const MAX_RECEIPT_BYTES = 240 * 1024;
/** Hex digits of the tariff's hash by which a bill names it. */
const TARIFF_DIGITS = 32;

const base64 = z.string().transform((text, context) => {
  const bytes = decodeBase64(text);
  if (bytes !== undefined) return bytes;
  context.addIssue({ code: "custom", message: "expected base64" });
  return z.NEVER;
});

const form = z.strictObject({
  format: z.literal(FORMAT),
  /** The bill's JSON, to the byte: what was committed to. */
  bill: z.string(),
  /** The tariff file. */
  tariff: z.string(),
  salt: base64,
  entry: base64,
  /** c2sp.org/tlog-proof. */
  proof: z.string(),
});

/** The parts of a receipt, none of them believed. */
export type Receipt = Omit<z.infer<typeof form>, "format">;

export interface VerifiedReceipt {
  readonly bill: CustomerBill;
  /** The bill's JSON. */
  readonly text: string;
  /** The tariff's text; its hash is the one that the bill names. */
  readonly tariff: string;
  readonly index: number;
  /** Unix seconds at which the log says the bill was entered. */
  readonly loggedAt: number;
  readonly size: number;
  readonly origin: string;
  readonly cosigned: readonly Cosigned[];
}

export function formatReceipt({ bill, tariff, salt, entry, proof }: Receipt): string {
  const text = { format: FORMAT, bill, tariff, salt: encodeBase64(salt), entry: encodeBase64(entry), proof };
  return `${JSON.stringify(text, undefined, 1)}\n`;
}

/** Reads a receipt. Throws LogError `malformed`. */
export function parseReceipt(text: string): Receipt {
  if (Buffer.byteLength(text) > MAX_RECEIPT_BYTES) {
    throw new LogError("malformed", `a receipt has at most ${MAX_RECEIPT_BYTES} bytes`);
  }
  const parsed = form.safeParse(jsonOf(text, "the receipt"));
  if (!parsed.success) throw new LogError("malformed", `the receipt: ${z.prettifyError(parsed.error)}`);
  const { format: _format, ...receipt } = parsed.data;
  return receipt;
}

/** Reads a bill's JSON. Throws LogError `malformed`. */
export function parseBill(text: string): CustomerBill {
  const parsed = customerBill.safeParse(jsonOf(text, "the bill"));
  if (!parsed.success) throw new LogError("malformed", `the bill: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** The name by which bills refer to a tariff file. */
export function tariffName(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, TARIFF_DIGITS);
}

/**
 * Verifies that this very bill is in the log, that the log committed to nothing else there, that enough witnesses have
 * seen it, and that the tariff is the one that the bill names. Throws LogError.
 */
export function verifyReceipt(receipt: Receipt, policy: LogPolicy): VerifiedReceipt {
  const { salt, entry, proof, tariff } = receipt;
  const parsed = parseProof(proof);
  const { size, origin, cosigned } = verifyLogged(entry, parsed, policy);
  const { time, content } = decodeEntry(entry);
  if (content.type !== "bill")
    throw new LogError("wrong-bill", `entry ${parsed.index} is no bill but a ${content.type}`);
  assertCommitted(content.commitment, salt, Buffer.from(receipt.bill));
  const bill = parseBill(receipt.bill);
  if (tariffName(tariff) !== bill.tariff) {
    throw new LogError(
      "wrong-bill",
      `the bill names the tariff ${bill.tariff}, the receipt holds ${tariffName(tariff)}`,
    );
  }
  return { bill, text: receipt.bill, tariff, index: parsed.index, loggedAt: time, size, origin, cosigned };
}

function jsonOf(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LogError("malformed", `${what} is no JSON`);
  }
}
