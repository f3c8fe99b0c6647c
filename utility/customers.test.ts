/** Keys of customers who were enrolled while the utility runs, or on another machine. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { enrol } from "../config/enrolment/index.ts";
import { encodeCustomers } from "../config/keys/customers-file.ts";
import { openParty } from "../config/keys/index.ts";
import { CustomerKeys } from "./customers.ts";
import { testPlace } from "../config/runtime/testing/store-place.ts";
import { openUtilityDatabase } from "./store/open.ts";

test("an announced key is kept over a restart; a second key for a customer, or a foreign list, is refused", async (t) => {
  const data = await mkdtemp(path.join(tmpdir(), "customers-"));
  await enrol({ data, meters: [{ meter: "m-001", feeder: "f-1" }] });
  const party = openParty(path.join(data, "keys", "utility"));
  const authority = openParty(path.join(data, "keys", "authority"));
  const db = await openUtilityDatabase(testPlace(path.join(data, "utility.db")));
  t.after(async () => {
    await db.destroy();
    await rm(data, { recursive: true });
  });
  const key = new Uint8Array(32).fill(7);
  const list = (meter: string, value: Uint8Array): Uint8Array => encodeCustomers(new Map([[meter, value]]), authority);

  const keys = await CustomerKeys.load(db, party);
  assert.equal(keys.get("m-002"), undefined);
  assert.deepEqual(await keys.take(list("m-002", key)), ["m-002"]);
  assert.deepEqual(await keys.take(list("m-002", key)), [], "a repeat is no news");
  await assert.rejects(keys.take(list("m-002", new Uint8Array(32))), { code: "replayed" });
  await assert.rejects(keys.take(list("m-001", key)), { code: "replayed" });
  await assert.rejects(keys.take(encodeCustomers(new Map([["m-003", key]]), party)), { code: "wrong-sender" });
  await assert.rejects(keys.take(Uint8Array.of(1, 2, 3)), { code: "malformed" });

  const again = await CustomerKeys.load(db, party);
  assert.deepEqual(again.get("m-002"), key);
  assert.ok(again.get("m-001") !== undefined);
});
