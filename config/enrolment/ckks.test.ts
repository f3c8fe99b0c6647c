/** The dealing of CKKS keys: what is written where, that t shares open and t - 1 do not, and what an interruption leaves. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { CkksParameters } from "../../protocol/ckks/parameters.ts";
import { Ring } from "../../protocol/ckks/ring/ring.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { decodeShare, type KeyShare, lagrangeAtZero } from "../../protocol/ckks/threshold/share.ts";
import { ckksFolder, CkksWatch, KeyFolderError, loadCkksMaterial, openCkksShare, openParty } from "../keys/index.ts";
import { loadConfig } from "../load.ts";
import { ckksPlan, type CkksPlan } from "./ckks-plan.ts";
import { redealCkks } from "./ckks-redeal.ts";
import { enrol } from "./enrol.ts";
import { EnrolmentError } from "./files.ts";
import { meterList } from "./meter-list.ts";
import { openAuthority } from "./system.ts";

const root = mkdtempSync(join(tmpdir(), "ckks-"));
after(() => rmSync(root, { recursive: true, force: true }));

const SMALL: CkksParameters = { name: "light", degree: 1024, primeBits: [30, 30, 20], scaleBits: 30 };
const PLAN: CkksPlan = {
  sets: [
    { parameters: SMALL, relin: false, galoisSteps: [] },
    { parameters: { ...SMALL, name: "standard", primeBits: [30, 30, 30] }, relin: true, galoisSteps: [1, 2] },
  ],
  insecureForTests: true,
};
const meters = meterList(2, 1);

const data = join(root, "system");
const keys = join(data, "keys");
const progress: string[] = [];
before(async () => {
  const onDealing = (set: string, index: number, total: number): number => progress.push(`${set} ${index}/${total}`);
  await enrol({ data, meters, simulation: true, ckks: PLAN, onDealing });
});

const party = (id: string, at = keys) => openParty(join(at, id));

function copyOfSystem(): string {
  const copy = mkdtempSync(join(root, "copy-"));
  cpSync(data, copy, { recursive: true });
  return copy;
}

async function sharesOf(
  ids: readonly string[],
  ring: Ring,
  levels: number,
  at = keys,
  set = "light",
): Promise<KeyShare[]> {
  return Promise.all(
    ids.map(async (id) => {
      const opened = party(id, at);
      return decodeShare(ring, await openCkksShare(opened, opened.ckks!.current, set), levels);
    }),
  );
}

function secretOf(shares: readonly KeyShare[], ring: Ring): BigUint64Array {
  const active = shares.map((share) => share.index);
  const secret = ring.zero();
  for (let at = 0; at < ring.primes.length; at++) {
    const prime = ring.primes[at]!;
    for (const share of shares) {
      const weight = lagrangeAtZero(active, share.index, prime);
      for (let i = at * ring.degree; i < (at + 1) * ring.degree; i++) {
        secret[i] = (secret[i]! + weight * share.poly[i]!) % prime;
      }
    }
  }
  return secret;
}

async function ringOf(parameters: CkksParameters): Promise<Ring> {
  const engine = await CkksEngine.create(parameters, { insecureForTests: true });
  const ring = Ring.create(parameters.degree, engine.primes.slice(0, -1));
  engine.close();
  return ring;
}

/** The coefficients of a secret key are -1, 0 and 1; anything else is noise to whoever made it. */
function isTernary(secret: BigUint64Array, ring: Ring): boolean {
  const coefficients = ring.inverse(secret.slice());
  const prime = ring.primes[0]!;
  return coefficients.subarray(0, ring.degree).every((value) => value <= 1n || value === prime - 1n);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test("everyone who has a part in it holds the signed manifest, and nobody else", () => {
  for (const id of ["a-1", "a-2", "a-3", "analytics", "utility", "authority", "m-001", "m-002"]) {
    const { ckks } = party(id);
    assert.equal(ckks?.current.epoch, 1, id);
    assert.deepEqual([...ckks.current.sets.keys()], ["light", "standard"]);
    assert.deepEqual([ckks.current.n, ckks.current.t], [3, 2]);
    assert.equal(existsSync(join(keys, id, "ckks-share.bin")), id.startsWith("a-"));
  }
  for (const id of ["api", "broker", "simulator"]) assert.equal(party(id).ckks, undefined);
  assert.deepEqual(progress, ["light 1/2", "standard 2/2"]);
});

test("secrets are private to their owner, public keys readable by all", () => {
  for (const id of ["a-1", "a-2", "a-3"]) {
    assert.equal(statSync(join(keys, id, "ckks-share.bin")).mode & 0o777, 0o600);
  }
  const found = filesBelow(join(data, "ckks")).map((file) => file.slice(data.length));
  assert.deepEqual(found.sort(), [
    "/ckks/1/light/public.key",
    "/ckks/1/standard/galois.key",
    "/ckks/1/standard/public.key",
    "/ckks/1/standard/relin.key",
  ]);
  for (const file of filesBelow(join(data, "ckks"))) assert.equal(statSync(file).mode & 0o777, 0o644);
  assert.deepEqual(readdirSync(data).sort(), ["ckks", "enrolment.lock", "keys"]);
});

test("public material loads into an engine, and only as the manifest lists it", async () => {
  const { current } = party("analytics").ckks!;
  const set = current.sets.get("standard")!;
  const engine = await CkksEngine.create(set.parameters, { insecureForTests: true });
  engine.loadKeys(loadCkksMaterial(data, current, "standard", ["publicKey", "relinKeys", "galoisKeys"]));
  engine.close();
  assert.throws(() => loadCkksMaterial(data, current, "light", ["relinKeys"]), /no relinKeys were made/);
  assert.throws(() => loadCkksMaterial(data, current, "strong", ["publicKey"]), /has no parameter set strong/);
  const copy = copyOfSystem();
  const file = join(ckksFolder(copy, 1), "light", "public.key");
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  const altered = () => loadCkksMaterial(copy, current, "light", ["publicKey"]);
  assert.throws(altered, (error) => error instanceof KeyFolderError && error.code === "not-trusted");
  rmSync(file);
  assert.throws(altered, (error) => error instanceof KeyFolderError && error.code === "missing-file");
});

test("any two of three shares are the secret key, and one is not", async () => {
  const ring = await ringOf(SMALL);
  const [one, two, three] = await sharesOf(["a-1", "a-2", "a-3"], ring, 2);
  const secret = secretOf([one!, two!], ring);
  assert.ok(isTernary(secret, ring));
  assert.deepEqual(secretOf([one!, three!], ring), secret);
  assert.deepEqual(secretOf([three!, two!], ring), secret);
  for (const share of [one!, two!, three!]) assert.ok(!isTernary(secretOf([share], ring), ring), String(share.index));
});

test("no file of the system contains the secret key, a part of it, or an open share", async () => {
  const ring = await ringOf(SMALL);
  const shares = await sharesOf(["a-1", "a-2", "a-3"], ring, 2);
  const secret = secretOf(shares.slice(0, 2), ring);
  const ternary = ring.inverse(secret.slice());
  const prime = ring.primes[0]!;
  const signs = Uint8Array.from(ternary.subarray(0, ring.degree), (value) =>
    value === prime - 1n ? 0xff : Number(value),
  );
  const needles = [secret, ternary, ...shares.map(({ poly }) => poly)].map((poly) =>
    Buffer.from(poly.slice(100, 104).buffer),
  );
  needles.push(Buffer.from(signs.slice(100, 132)));
  for (const file of filesBelow(data)) {
    const content = readFileSync(file);
    for (const needle of needles) assert.ok(!content.includes(needle), file);
  }
});

test("a share opens with its aggregator's key only, and not when it was altered", async () => {
  const copy = copyOfSystem();
  const folder = join(copy, "keys", "a-1");
  cpSync(join(copy, "keys", "a-2", "ckks-share.bin"), join(folder, "ckks-share.bin"));
  const one = openParty(folder);
  await assert.rejects(openCkksShare(one, one.ckks!.current, "light"), /ckks-share\.bin does not verify/);
  const file = join(copy, "keys", "a-2", "ckks-share.bin");
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  const two = openParty(join(copy, "keys", "a-2"));
  await assert.rejects(openCkksShare(two, two.ckks!.current, "light"), KeyFolderError);
  const three = openParty(join(copy, "keys", "a-3"));
  await assert.rejects(openCkksShare(three, three.ckks!.current, "strong"), /no share of the set strong/);
});

test("a manifest that the authority did not sign, or that was altered, is refused", () => {
  const copy = copyOfSystem();
  const file = join(copy, "keys", "utility", "ckks.cose");
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(file, bytes);
  assert.throws(() => party("utility", join(copy, "keys")), /ckks\.cose does not verify/);
});

test("enrolling again deals nothing, hands new meters the manifest, and completes what an interruption left", async () => {
  const copy = copyOfSystem();
  const before = readFileSync(join(copy, "keys", "authority", "ckks.cose"));
  for (const id of ["utility", "m-001"]) rmSync(join(copy, "keys", id, "ckks.cose"));
  await enrol({ data: copy, meters: meterList(3, 1), simulation: true, ckks: PLAN });
  for (const id of ["utility", "m-001", "m-003"]) {
    assert.deepEqual(readFileSync(join(copy, "keys", id, "ckks.cose")), before);
    assert.equal(existsSync(join(copy, "keys", "api", "ckks.cose")), false);
  }
});

test("a new dealing is another key pair; shares of the old one still open it", async () => {
  const copy = copyOfSystem();
  const at = join(copy, "keys");
  const old = party("a-1", at).ckks!.current;
  assert.equal(await redealCkks({ keys: at, authority: openAuthority(at), plan: PLAN, now: 2e9 }), 2);
  const ring = await ringOf(SMALL);
  const { epochs, current } = party("a-1", at).ckks!;
  assert.deepEqual([epochs.map(({ epoch }) => epoch), current.epoch, current.created], [[1, 2], 2, 2e9]);
  const fresh = secretOf(await sharesOf(["a-1", "a-3"], ring, 2, at), ring);
  assert.ok(isTernary(fresh, ring));
  const kept = await Promise.all(
    ["a-1", "a-2"].map(async (id) => decodeShare(ring, await openCkksShare(party(id, at), epochs[0]!, "light"), 2)),
  );
  assert.ok(isTernary(secretOf(kept, ring), ring));
  assert.notDeepEqual(secretOf(kept, ring), fresh);
  assert.deepEqual(
    loadCkksMaterial(copy, old, "light", ["publicKey"]),
    loadCkksMaterial(data, old, "light", ["publicKey"]),
  );
  for (const id of ["analytics", "utility", "m-001"]) assert.equal(party(id, at).ckks?.current.epoch, 2);
});

test("a system founded without keys gets them by redeal, and says so when they are asked for", async () => {
  const plain = join(root, "plain");
  await enrol({ data: plain, meters, simulation: true });
  const at = join(plain, "keys");
  assert.equal(party("analytics", at).ckks, undefined);
  assert.equal(existsSync(join(plain, "ckks")), false);
  await assert.rejects(
    enrol({ data: plain, meters, simulation: true, ckks: PLAN }),
    /no CKKS keys; `npm run enrol -- redeal`/,
  );
  assert.equal(await redealCkks({ keys: at, authority: openAuthority(at), plan: PLAN, now: 1 }), 1);
  await enrol({ data: plain, meters, simulation: true, ckks: PLAN });
  const ring = await ringOf(SMALL);
  assert.ok(isTernary(secretOf(await sharesOf(["a-2", "a-3"], ring, 2, at), ring), ring));
});

test("a running party sees a redealing, and goes on with what it had when the new file does not verify", async () => {
  const at = join(copyOfSystem(), "keys");
  const faults: unknown[] = [];
  const watch = new CkksWatch(party("m-001", at), (error) => faults.push(error));
  assert.equal(watch.manifest!.current.epoch, 1);
  await redealCkks({ keys: at, authority: openAuthority(at), plan: PLAN, now: 1 });
  assert.equal(watch.manifest!.current.epoch, 2);
  const file = join(at, "m-001", "ckks.cose");
  const altered = readFileSync(file);
  altered[altered.length - 1]! ^= 1;
  writeFileSync(file, altered);
  assert.equal(watch.manifest!.current.epoch, 2);
  assert.equal(watch.manifest!.epochs.length, 2);
  assert.deepEqual(
    faults.map((fault) => fault instanceof KeyFolderError && fault.code),
    ["not-trusted"],
    "told once",
  );
});

test("other parameters than those that were dealt are refused, with the remedy", async () => {
  const [light, standard] = PLAN.sets;
  const other = (sets: CkksPlan["sets"]) => enrol({ data, meters, simulation: true, ckks: { ...PLAN, sets } });
  await assert.rejects(other([{ ...light!, parameters: { ...SMALL, scaleBits: 29 } }]), /light was dealt with other/);
  await assert.rejects(other([{ ...light!, relin: true }]), /light was dealt without keys for products/);
  await assert.rejects(other([{ ...standard!, galoisSteps: [4] }]), /without keys for rotations by 4/);
  await assert.rejects(other([{ ...light!, parameters: { ...SMALL, name: "strong" } }]), /strong was not dealt/);
  await assert.rejects(
    enrol({ data, meters, simulation: true, ckks: { ...PLAN, insecureForTests: false } }),
    /for tests/,
  );
});

test("a dealing needs all aggregators' folders, and changes nothing without them", async () => {
  const copy = copyOfSystem();
  const at = join(copy, "keys");
  const before = readFileSync(join(at, "a-1", "ckks-share.bin"));
  const authority = openAuthority(at);
  rmSync(join(at, "a-3"), { recursive: true });
  await assert.rejects(redealCkks({ keys: at, authority, plan: PLAN, now: 1 }), EnrolmentError);
  assert.deepEqual(readFileSync(join(at, "a-1", "ckks-share.bin")), before);
  assert.deepEqual(readdirSync(join(copy, "ckks")), ["1"]);
});

test("what an interrupted dealing left is told apart, and replaced by the next", async () => {
  const copy = copyOfSystem();
  const at = join(copy, "keys");
  const manifest = readFileSync(join(at, "authority", "ckks.cose"));
  await redealCkks({ keys: at, authority: openAuthority(at), plan: PLAN, now: 1 });
  // As if it had been killed just before the manifest was written: shares and public keys of epoch 2 are there.
  for (const id of readdirSync(at)) {
    if (existsSync(join(at, id, "ckks.cose"))) writeFileSync(join(at, id, "ckks.cose"), manifest);
  }
  const ring = await ringOf(SMALL);
  assert.ok(isTernary(secretOf(await sharesOf(["a-1", "a-2"], ring, 2, at), ring), ring));
  assert.equal(await redealCkks({ keys: at, authority: openAuthority(at), plan: PLAN, now: 1 }), 2);
  assert.ok(isTernary(secretOf(await sharesOf(["a-1", "a-2"], ring, 2, at), ring), ring));
  const { current } = party("a-1", at).ckks!;
  loadCkksMaterial(copy, current, "standard", ["publicKey", "relinKeys", "galoisKeys"]);
});

test("killed at any moment of its founding, a system is whole afterwards or not there, and the next run founds it", async () => {
  const main = join(import.meta.dirname, "main.ts");
  const tsx = import.meta.resolve("tsx");
  for (const delay of [700, 1_300, 1_700, 2_100]) {
    const folder = mkdtempSync(join(root, "killed-"));
    const child = spawn(process.execPath, ["--import", tsx, main, ...flags(folder)], { stdio: "ignore" });
    const ended = once(child, "exit");
    const timer = setTimeout(() => child.kill("SIGKILL"), delay);
    await ended;
    clearTimeout(timer);
    if (existsSync(join(folder, "keys", "authority"))) {
      assert.ok(party("a-1", join(folder, "keys")).ckks !== undefined, `after ${delay} ms`);
    }
    execFileSync(process.execPath, ["--import", tsx, main, ...flags(folder)], { stdio: "ignore" });
    const at = join(folder, "keys");
    const { current } = party("analytics", at).ckks!;
    assert.equal(current.epoch, 1);
    loadCkksMaterial(folder, current, "light", ["publicKey"]);
    for (const id of ["a-1", "a-2", "a-3"]) await openCkksShare(party(id, at), current, "light");
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes(".new")),
      [],
    );
    assert.deepEqual(readdirSync(join(folder, "ckks")), ["1"]);
  }
});

function flags(folder: string): string[] {
  const set = [
    "homomorphic.enabled=true",
    'homomorphic.sets=["light"]',
    "analytics.jobs=[]",
    "simulation.enabled=true",
  ];
  const series = 'homomorphic.series={"load":{"kind":"import","set":"light","content":"energy"}}';
  const values = [...set, series, `paths.data=${folder}`, `paths.logs=${folder}/../logs`].flatMap((value) => [
    "--set",
    value,
  ]);
  return [...values, "--meters", "2", "--feeders", "1", "--json"];
}

test("the plan follows the configuration: what is dealt, and keys for what each set does", () => {
  assert.equal(ckksPlan(loadConfig({ env: {} })), undefined);
  const plan = ckksPlan(loadConfig({ env: {}, profile: "demo" }))!;
  assert.deepEqual(
    plan.sets.map(({ parameters, relin, galoisSteps }) => [parameters.name, relin, galoisSteps]),
    [
      ["light", false, []],
      ["standard", true, [1, 2, 4, 8, 16, 32, 64]],
    ],
  );
});
