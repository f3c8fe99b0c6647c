/** A revoked meter is disconnected, stays out over a restart, and only the authority can do that. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDatabase } from "../config/runtime/database.ts";
import { encodeCbor } from "../protocol/cbor.ts";
import { ProtocolError } from "../protocol/errors.ts";
import type { Directory } from "../protocol/keys/index.ts";
import { signRecord } from "../protocol/membership.ts";
import type { Place } from "../protocol/messages/enrolment.ts";
import { Revocations } from "./revocations.ts";
import { closed, meter, openTestBed } from "./test-bed.ts";
import type { ClientIdentity } from "../protocol/topics.ts";

const keys = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");
const directory: Pick<Directory, "servers"> = {
  servers: new Map([["authority", { role: "authority", signKey: keys.publicKey }]]),
};
const OPEN: Place[] = [{ feeder: "f-1", from: 100, to: null }];
const ENDED: Place[] = [{ feeder: "f-1", from: 100, to: 200 }];

function roll(id: string, serial: number, places: Place[], signKey = keys.privateKey): Uint8Array {
  const record = signRecord({ meter: id, serial, keyVersion: 1, places }, { id: "authority", signKey });
  return encodeCbor({ record, countersignatures: [] });
}

const folder = mkdtempSync(join(tmpdir(), "wattveil-revocations-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("the latest serial decides, whatever the order of arrival, and a restart forgets nothing", () => {
  const file = join(folder, "a", "broker.db");
  const database = openDatabase(file, { synchronous: "FULL" });
  const revocations = new Revocations(database, directory);
  assert.equal(revocations.learn(roll("m-001", 1, OPEN)), undefined);
  assert.equal(revocations.learn(roll("m-001", 3, ENDED)), "m-001");
  assert.equal(revocations.learn(roll("m-001", 2, OPEN)), undefined);
  assert.equal(revocations.learn(roll("m-002", 1, [])), "m-002");
  assert.equal(revocations.count, 2);
  assert.ok(revocations.isRevoked("m-001"));
  database.close();

  const again = openDatabase(file, { synchronous: "FULL" });
  const restarted = new Revocations(again, directory);
  assert.deepEqual([restarted.count, restarted.isRevoked("m-001"), restarted.isRevoked("m-003")], [2, true, false]);
  assert.equal(restarted.learn(roll("m-001", 4, [...ENDED, { feeder: "f-2", from: 300, to: null }])), undefined);
  assert.deepEqual([restarted.count, restarted.isRevoked("m-001")], [1, false]);
  again.close();
});

test("refuses what is not a record signed by the authority", () => {
  const database = openDatabase(join(folder, "b", "broker.db"), { synchronous: "FULL" });
  const revocations = new Revocations(database, directory);
  const code = (payload: Uint8Array): string => {
    try {
      revocations.learn(payload);
      return "accepted";
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
      return error.code;
    }
  };
  assert.equal(code(roll("m-001", 1, ENDED, stranger.privateKey)), "bad-signature");
  assert.equal(code(Buffer.from("nothing of the kind")), "malformed");
  assert.equal(code(encodeCbor({ record: new Uint8Array(3), countersignatures: [] })), "malformed");
  assert.equal(code(new Uint8Array()), "malformed");
  assert.equal(revocations.isRevoked("m-001"), false);
  database.close();
});

test("a meter revoked while connected is cut off and refused from then on; forged rolls change nothing", async () => {
  const bed = await openTestBed({ directory });
  const authority: ClientIdentity = { id: "authority", role: "authority" };
  const m = await bed.client(meter("m-001"));
  const other = await bed.client(meter("m-002"));
  const a = await bed.client(authority);
  await a.publishAsync("wv/1/e/roll", Buffer.from(roll("m-002", 1, ENDED, stranger.privateKey)), { qos: 1 });
  await bed.refused("roll-bad-signature");
  const bulk = await bed.client(meter("m-001"), { clientId: "m-001.bulk" });
  const ended = Promise.all([closed(m), closed(bulk)]);
  await a.publishAsync("wv/1/e/roll", Buffer.from(roll("m-001", 2, ENDED)), { qos: 1 });
  await ended;
  await assert.rejects(bed.client(meter("m-001")), /Not authorized/);
  await assert.rejects(bed.client(meter("m-001"), { clientId: "m-001.bulk" }), /Not authorized/);
  assert.equal(bed.broker.counters.revokedNow, 1);
  assert.equal(other.connected, true);
  await a.publishAsync("wv/1/e/roll", Buffer.from(roll("m-001", 3, OPEN)), { qos: 1 });
  await bed.client(meter("m-001"));
  assert.deepEqual(bed.failures, []);
  await bed.close();
});
