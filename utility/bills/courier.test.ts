/** What the broker sees of a bill: that there is one, and nothing that its length would tell. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { hpkeOpen, serverContext } from "../../protocol/envelope/hpke.ts";
import { verify1 } from "../../protocol/envelope/index.ts";
import { rawPublicKey } from "../../protocol/keys/raw.ts";
import { formatReceipt, parseReceipt } from "../../protocol/log/index.ts";
import type { Receipts } from "../ledger/receipts.ts";
import { Harness } from "../testing/harness.ts";
import { type BillRow, sendBill } from "./courier.ts";

test("sealed bills are equally long, whatever their numbers and gaps, and open to the same receipt", async (t) => {
  const { db } = (await Harness.make(t)).utility;
  const signing = generateKeyPairSync("ed25519");
  const customer = generateKeyPairSync("x25519");
  const directory = { servers: new Map([["utility", { role: "utility", signKey: signing.publicKey }]]) } as never;
  const parts = { tariff: "a tariff", salt: new Uint8Array(32), entry: new Uint8Array(9), proof: "a proof" };
  const away = { ...parts, bill: '{"energyWh":0,"gaps":[]}' };
  const home = { ...parts, bill: '{"energyWh":1234567,"gaps":[{"kind":"import","from":1736895600,"to":1736899200}]}' };
  const sealed: Uint8Array[] = [];
  for (const receipt of [away, home]) {
    const text = formatReceipt(receipt);
    const receipts = { of: () => Promise.resolve({ text }) } as Pick<Receipts, "of"> as Receipts;
    const publish = (_topic: string, payload: Uint8Array): Promise<void> => {
      sealed.push(payload);
      return Promise.resolve();
    };
    const courier = { db, signer: { id: "utility", signKey: signing.privateKey }, receipts, publish };
    const bill = { meter_id: "m-001", period_start: "2025-01-15", period_end: "2025-01-16", version: 1 } as BillRow;
    assert.equal(await sendBill(courier, bill, rawPublicKey(customer.publicKey)), "sent");
    const { plaintext } = await hpkeOpen(Uint8Array.from(sealed.at(-1)!), "m-001", customer.privateKey);
    const { payload } = verify1(plaintext, directory, serverContext("utility", "m-001"), "utility");
    const opened = Buffer.from(payload).toString("utf8");
    assert.deepEqual(parseReceipt(opened), receipt);
    assert.equal(opened.trimEnd(), text.trimEnd());
  }
  assert.equal(sealed[0]!.length, sealed[1]!.length);
});
