import assert from "node:assert/strict";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { cpSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  customerKeyObject,
  KeyFolderError,
  openCustomers,
  openMeterKeys,
  openMeterSecrets,
  openParty,
  openRoll,
  openSubsetKeys,
} from "../keys/index.ts";
import { publicKeyFromRaw, rawPublicKey } from "../../protocol/keys/index.ts";
import { enrol } from "./enrol.ts";
import { EnrolmentError } from "./files.ts";
import { meterList, readMeterFile } from "./meter-list.ts";

const root = mkdtempSync(join(tmpdir(), "enrol-"));
after(() => rmSync(root, { recursive: true, force: true }));

const system = join(root, "system");
const party = (id: string): string => join(system, "keys", id);
before(async () => {
  await enrol({ data: system, meters: meterList(5, 2), simulation: true });
});

/** A copy of one party's folder, to be tampered with. */
function copyOf(id: string): string {
  const folder = mkdtempSync(join(root, `${id}-`));
  cpSync(party(id), folder, { recursive: true });
  chmodSync(folder, 0o700);
  return folder;
}

function refused(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof KeyFolderError && error.code === code && pattern.test(error.message);
}

/** Everything that a process opens from its folder. */
async function openAll(folder: string): Promise<void> {
  const opened = openParty(folder);
  if (existsSync(join(folder, "roll.cbor"))) openRoll(opened);
  if (existsSync(join(folder, "meter-keys.cbor"))) await openMeterKeys(opened);
  if (existsSync(join(folder, "subset-keys.bin"))) await openSubsetKeys(opened);
  if (existsSync(join(folder, "meter.json"))) openMeterSecrets(folder);
  if (existsSync(join(folder, "customers.cbor"))) openCustomers(opened);
}

const EVERYONE = [
  "a-1",
  "a-2",
  "a-3",
  "analytics",
  "api",
  "authority",
  "broker",
  "simulator",
  "utility",
  "m-001",
  "m-002",
  "m-003",
  "m-004",
  "m-005",
];

test("every party has a folder that opens, private to its owner", async () => {
  assert.deepEqual(readdirSync(join(system, "keys")).sort(), [...EVERYONE].sort());
  for (const id of EVERYONE) {
    await openAll(party(id));
    assert.equal(statSync(party(id)).mode & 0o777, 0o700);
    for (const name of readdirSync(party(id))) assert.equal(statSync(join(party(id), name)).mode & 0o777, 0o600);
    assert.equal(openParty(party(id)).id, id);
  }
});

test("meters and aggregators share root keys, and no two are alike", async () => {
  const seen = new Set<string>();
  for (const index of [1, 2, 3]) {
    const keys = await openMeterKeys(openParty(party(`a-${index}`)));
    assert.equal(keys.size, 5);
    for (const [meter, { rootKey, keyVersion }] of keys) {
      assert.equal(keyVersion, 1);
      assert.deepEqual(Buffer.from(rootKey), Buffer.from(openMeterSecrets(party(meter)).rootKeys.get(index)!));
      seen.add(Buffer.from(rootKey).toString("hex"));
    }
  }
  assert.equal(seen.size, 15);
});

test("polynomial keys are in the meters' folders and nowhere else", () => {
  const { polynomialKey } = openMeterSecrets(party("m-001"));
  const hex = Buffer.from(polynomialKey).toString("hex");
  for (const id of EVERYONE.filter((name) => name !== "m-001")) {
    for (const name of readdirSync(party(id))) {
      const bytes = readFileSync(join(party(id), name));
      assert.ok(!bytes.includes(Buffer.from(polynomialKey)) && !bytes.includes(hex), `${id}/${name}`);
    }
  }
});

test("the utility holds the customers' public keys", () => {
  const { customerSealKey } = openMeterSecrets(party("m-003"));
  const listed = openCustomers(openParty(party("utility"))).get("m-003")!;
  assert.ok(
    publicKeyFromRaw("X25519", listed).equals(
      publicKeyFromRaw("X25519", rawPublicKey(customerKeyObject(customerSealKey))),
    ),
  );
});

test("certificates name party and role, and the broker's its hosts", () => {
  const subject = new X509Certificate(readFileSync(join(party("m-001"), "identity.crt"))).subject;
  assert.match(subject, /OU=meter/);
  assert.match(subject, /CN=m-001/);
  const broker = new X509Certificate(readFileSync(join(party("broker"), "identity.crt")));
  assert.equal(broker.checkHost("localhost"), "localhost");
  assert.equal(broker.checkIP("127.0.0.1"), "127.0.0.1");
});

test("the roll is countersigned by all, from the first slot on", () => {
  for (const id of ["a-2", "utility", "broker"]) {
    const roll = openRoll(openParty(party(id)));
    assert.deepEqual(roll.rosterAt("f-1", 0), ["m-001", "m-003", "m-005"]);
    assert.deepEqual(roll.rosterAt("f-2", 1_930_560), ["m-002", "m-004"]);
  }
});

test("aggregators share keys by subsets; those of an older system, or of half a dealing, are dealt at the next run", async () => {
  const data = join(root, "subsets");
  const options = { data, meters: meterList(2, 1), aggregators: 5, threshold: 3 };
  await enrol(options);
  const dealt = async (): Promise<[string, string[]][]> => {
    const lists = [1, 2, 3, 4, 5].map((index) => openSubsetKeys(openParty(join(data, "keys", `a-${index}`))));
    const held = new Map<string, Set<string>>();
    const dealings = new Set<string>();
    for (const [i, list] of (await Promise.all(lists)).entries()) {
      dealings.add(Buffer.from(list!.dealing).toString("hex"));
      for (const { members, key } of list!.keys) {
        assert.ok(members.includes(i + 1));
        const keys = held.get(members.join()) ?? new Set();
        held.set(members.join(), keys.add(Buffer.from(key).toString("hex")));
      }
    }
    assert.equal(dealings.size, 1);
    return [...held].map(([members, keys]) => [members, [...keys]]);
  };
  const first = await dealt();
  assert.equal(first.length, 10, "three of five");
  assert.ok(first.every(([, keys]) => keys.length === 1));
  assert.equal(new Set(first.flatMap(([, keys]) => keys)).size, 10);
  await enrol(options);
  assert.deepEqual(await dealt(), first, "what is complete stays");
  rmSync(join(data, "keys", "a-4", "subset-keys.bin"));
  assert.equal(await openSubsetKeys(openParty(join(data, "keys", "a-4"))), undefined);
  await enrol(options);
  const again = await dealt();
  assert.ok(again.every(([, keys]) => keys.length === 1));
  assert.equal(new Set([...first, ...again].flatMap(([, keys]) => keys)).size, 20);
});

test("refuses a file that others may read, and says what to do", async () => {
  for (const name of ["identity.key", "seal.key", "meter-keys.cbor"]) {
    const folder = copyOf("a-1");
    chmodSync(join(folder, name), 0o640);
    await assert.rejects(openAll(folder), refused("open-permissions", new RegExp(`chmod 600 .*${name}`)));
  }
  const folder = copyOf("a-1");
  chmodSync(folder, 0o755);
  assert.throws(() => openParty(folder), refused("open-permissions", /chmod 700/));
});

test("refuses a folder in place of a file, and a key that could sign nothing, as what they are", async () => {
  for (const name of ["identity.crt", "authority.pub", "sign.key", "roll.cbor"]) {
    const folder = copyOf("a-1");
    rmSync(join(folder, name), { force: true });
    mkdirSync(join(folder, name));
    await assert.rejects(openAll(folder), refused("damaged-file", new RegExp(`${name} is a folder, expected a file`)));
  }
  const folder = copyOf("a-1");
  const { publicKey } = generateKeyPairSync("x25519");
  writeFileSync(join(folder, "authority.pub"), publicKey.export({ type: "spki", format: "pem" }));
  assert.throws(() => openParty(folder), refused("not-trusted", /authority\.pub is no Ed25519 key/));
});

test("refuses a folder that lacks a file or holds a foreign one, naming it", () => {
  const lacking = copyOf("a-1");
  rmSync(join(lacking, "seal.key"));
  assert.throws(() => openParty(lacking), refused("missing-file", /lacks seal\.key of an aggregator's keys/));
  const foreign = copyOf("a-1");
  cpSync(join(party("authority"), "ca.key"), join(foreign, "ca.key"));
  assert.throws(() => openParty(foreign), refused("foreign-file", /ca\.key.* of an aggregator's keys/));
  assert.throws(
    () => openParty(join(root, "nobody")),
    refused("not-enrolled", /^nobody is not enrolled here .*`npm run enrol -- list`/),
  );
});

test("refuses any one file with a byte altered in its middle", async () => {
  for (const id of ["a-1", "utility", "m-001", "broker", "authority", "simulator"]) {
    for (const name of readdirSync(party(id))) {
      const folder = copyOf(id);
      const bytes = readFileSync(join(folder, name));
      if (bytes.length < 10 || name === "ca.key") continue; // ca.key: only the authority opens it, below
      const at = Math.floor(bytes.length / 2);
      bytes[at] = bytes[at] === 0x41 ? 0x42 : 0x41;
      writeFileSync(join(folder, name), bytes);
      await assert.rejects(openAll(folder), KeyFolderError, `${id}/${name}`);
    }
  }
});

test("refuses any one file exchanged for another party's or another system's", async () => {
  const other = join(root, "other");
  await enrol({ data: other, meters: meterList(5, 2), simulation: true });
  for (const name of readdirSync(party("a-1")).filter((file) => file !== "authority.pub")) {
    const folder = copyOf("a-1");
    cpSync(join(other, "keys", "a-1", name), join(folder, name));
    await assert.rejects(openAll(folder), KeyFolderError, name);
  }
  for (const name of ["identity.crt", "identity.key", "sign.key", "seal.key", "meter-keys.cbor", "subset-keys.bin"]) {
    const folder = copyOf("a-1");
    cpSync(join(party("a-2"), name), join(folder, name));
    await assert.rejects(openAll(folder), KeyFolderError, name);
  }
});

test("an error never shows what is in a file of secrets", () => {
  const folder = copyOf("m-001");
  const secret = Buffer.from(openMeterSecrets(folder).polynomialKey).toString("hex");
  const text = readFileSync(join(folder, "meter.json"), "utf8");
  for (const damaged of [text.replace(secret, `${secret}!`), text.slice(0, text.indexOf(secret) + 64)]) {
    writeFileSync(join(folder, "meter.json"), damaged);
    assert.throws(
      () => openMeterSecrets(folder),
      (error) =>
        error instanceof KeyFolderError &&
        !JSON.stringify([error.message, error.stack, String(error.cause)]).includes(secret.slice(0, 8)),
    );
  }
});

test("a second run changes nothing, a larger one adds", async () => {
  const data = join(root, "again");
  await enrol({ data, meters: meterList(3, 1) });
  const read = (id: string, name: string): string => readFileSync(join(data, "keys", id, name)).toString("hex");
  const files = ["a-1", "authority", "m-001"].flatMap((id) =>
    readdirSync(join(data, "keys", id)).map((name): [string, string] => [id, name]),
  );
  const first = files.map(([id, name]) => read(id, name));
  const again = await enrol({ data, meters: meterList(3, 1) });
  assert.deepEqual(again.added, []);
  assert.deepEqual(
    files.map(([id, name]) => read(id, name)),
    first,
  );
  const more = await enrol({ data, meters: meterList(5, 1) });
  assert.deepEqual(more.added, ["m-004", "m-005"]);
  assert.equal(read("m-001", "meter.json"), first[files.findIndex(([, name]) => name === "meter.json")]);
  for (const index of [1, 2, 3])
    assert.equal((await openMeterKeys(openParty(join(data, "keys", `a-${index}`)))).size, 5);
  assert.equal(openRoll(openParty(join(data, "keys", "utility"))).size, 5);
});

test("a run that was interrupted is completed with the keys that were handed out", async () => {
  const data = join(root, "interrupted");
  await enrol({ data, meters: meterList(2, 1) });
  const rolls = ["authority", "a-1", "a-2", "a-3", "utility", "broker"].map((id) =>
    join(data, "keys", id, "roll.cbor"),
  );
  const before = rolls.map((path) => readFileSync(path));
  await enrol({ data, meters: meterList(4, 1) });
  const secrets = openMeterSecrets(join(data, "keys", "m-003"));
  // As if the run had ended before its records were written, and one meter's folder never appeared.
  for (const [i, path] of rolls.entries()) writeFileSync(path, before[i]!);
  rmSync(join(data, "keys", "m-004"), { recursive: true });
  await enrol({ data, meters: meterList(4, 1) });
  assert.deepEqual(openMeterSecrets(join(data, "keys", "m-003")), secrets);
  const keys = await openMeterKeys(openParty(join(data, "keys", "a-2")));
  for (const meter of ["m-003", "m-004"]) {
    const own = openMeterSecrets(join(data, "keys", meter)).rootKeys.get(2)!;
    assert.deepEqual(Buffer.from(keys.get(meter)!.rootKey), Buffer.from(own));
  }
  assert.equal(openRoll(openParty(join(data, "keys", "broker"))).size, 4);
});

test("refuses other settings than the system was founded with, and folders that are elsewhere", async () => {
  const data = join(root, "settings");
  const meters = meterList(2, 1);
  await enrol({ data, meters, aggregators: 5, quorum: 4 });
  await assert.rejects(
    enrol({ data, meters }),
    (error) => error instanceof EnrolmentError && error.message.includes("aggregators 5, not 3; quorum 4, not 2"),
  );
  renameSync(join(data, "keys", "a-4"), join(data, "a-4"));
  await assert.rejects(enrol({ data, meters: meterList(3, 1), aggregators: 5, quorum: 4 }), /a-4 is not here/);
  renameSync(join(data, "a-4"), join(data, "keys", "a-4"));
  await enrol({ data, meters: meterList(3, 1), aggregators: 5, quorum: 4 });
  renameSync(join(data, "keys", "authority"), join(data, "authority"));
  await assert.rejects(enrol({ data, meters }), /authority is missing/);
});

test("refuses names that are no meter's, and a meter listed twice", async () => {
  const data = join(root, "names");
  const place = { meter: "m-001", feeder: "f-1" };
  await assert.rejects(enrol({ data, meters: [{ ...place, meter: "utility" }] }), /meter "utility": .*reserved/);
  await assert.rejects(enrol({ data, meters: [{ ...place, feeder: "F 1" }] }), /feeder "F 1"/);
  await assert.rejects(enrol({ data, meters: [place, place] }), /m-001.* twice/);
});

test("numbered meters keep their number of digits", () => {
  assert.deepEqual(meterList(2, 2), [
    { meter: "m-001", feeder: "f-1" },
    { meter: "m-002", feeder: "f-2" },
  ]);
  assert.equal(meterList(2000, 5).at(-1)!.meter, "m-2000");
  assert.equal(meterList(2000, 5)[0]!.meter, "m-0001");
  assert.equal(meterList(2000, 5, ["m-001", "house"])[0]!.meter, "m-001");
});

test("a file of meters is read, and its faults are named", () => {
  const path = join(root, "meters.csv");
  writeFileSync(path, "meter,feeder\nhouse-1, f-a\n");
  assert.deepEqual(readMeterFile(path), [{ meter: "house-1", feeder: "f-a" }]);
  writeFileSync(path, "meter\nhouse-1\n");
  assert.throws(() => readMeterFile(path), /meters\.csv: row 1 lacks the columns/);
  assert.throws(() => readMeterFile(join(root, "none.csv")), /none\.csv/);
});
