/** Seals a bill to its customer and hands it to the broker. Who is at the other end, the broker does not say. */
import { hpkeSeal, serverContext } from "../../protocol/envelope/hpke.ts";
import { sign1, type Signer } from "../../protocol/envelope/index.ts";
import { topicOf } from "../../protocol/topics.ts";
import type { UtilityDatabase } from "../store/open.ts";
import type { BillsTable } from "../store/tables.ts";
import { customerBill } from "./customer-bill.ts";

export type BillRow = Omit<BillsTable, "sent"> & { readonly sent: number };

export interface Courier {
  readonly db: UtilityDatabase;
  readonly signer: Signer;
  /** Resolves when the broker has it; rejects when it may not have it. */
  readonly publish: (topic: string, payload: Uint8Array) => Promise<void>;
}

/** Sends a final bill and counts it; false when the broker may not have it. */
export async function sendBill({ db, signer, publish }: Courier, bill: BillRow, key: Uint8Array): Promise<boolean> {
  const json = Buffer.from(JSON.stringify(await customerBill(db, bill)));
  const signed = sign1(json, signer, serverContext(signer.id, bill.meter_id));
  const sealed = await hpkeSeal(signed, signer.id, bill.meter_id, key);
  try {
    await publish(topicOf("bill", { meter: bill.meter_id }), sealed);
  } catch {
    return false;
  }
  await db
    .updateTable("bills")
    .set(({ eb }) => ({ sent: eb("sent", "+", 1) }))
    .where("meter_id", "=", bill.meter_id)
    .where("period_start", "=", bill.period_start)
    .where("period_end", "=", bill.period_end)
    .where("version", "=", bill.version)
    .execute();
  return true;
}
