/** Seals a bill with its receipt to its customer and hands it to the broker. Who is at the other end, the broker does not say. */
import { hpkeSeal, serverContext } from "../../protocol/envelope/hpke.ts";
import { sign1, type Signer } from "../../protocol/envelope/index.ts";
import { topicOf } from "../../protocol/topics.ts";
import type { Receipts } from "../ledger/receipts.ts";
import type { UtilityDatabase } from "../store/open.ts";
import type { BillsTable } from "../store/tables.ts";

export type BillRow = Omit<BillsTable, "sent"> & { readonly sent: number };

export interface Courier {
  readonly db: UtilityDatabase;
  readonly signer: Signer;
  readonly receipts: Receipts;
  /** Resolves when the broker has it; rejects when it may not have it. */
  readonly publish: (topic: string, payload: Uint8Array) => Promise<void>;
}

/**
 * `waiting`: the broker may not have it, or too few witnesses have seen it; `gone`: it was erased, or it is older than the
 * log and cannot be proved.
 */
export type Sent = "sent" | "waiting" | "gone";

/** Sealed bills come in steps of so many bytes: how long one is would tell the broker how long its numbers are, and of gaps. */
const STEP_BYTES = 4_096;
const BLANK = 0x20;

/** Sends a final bill with its receipt and counts it. */
export async function sendBill(
  { db, signer, receipts, publish }: Courier,
  bill: BillRow,
  key: Uint8Array,
): Promise<Sent> {
  const receipt = await receipts.of(bill);
  if (typeof receipt === "string") return receipt;
  const signed = sign1(padded(receipt.text), signer, serverContext(signer.id, bill.meter_id));
  const sealed = await hpkeSeal(signed, signer.id, bill.meter_id, key);
  try {
    await publish(topicOf("bill", { meter: bill.meter_id }), sealed);
  } catch {
    return "waiting";
  }
  await db
    .updateTable("bills")
    .set(({ eb }) => ({ sent: eb("sent", "+", 1) }))
    .where("meter_id", "=", bill.meter_id)
    .where("period_start", "=", bill.period_start)
    .where("period_end", "=", bill.period_end)
    .where("version", "=", bill.version)
    .execute();
  return "sent";
}

/** A receipt is JSON, which may end in blanks. */
function padded(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  const whole = Buffer.alloc(Math.ceil(bytes.length / STEP_BYTES) * STEP_BYTES, BLANK);
  whole.set(bytes);
  return whole;
}
