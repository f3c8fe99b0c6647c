import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ckksPlan, enrol } from "../../config/enrolment/index.ts";
import { type Config, loadConfig } from "../../config/index.ts";
import { openParty, type Party } from "../../config/keys/index.ts";
import { checkCiphertextEngine, checkCiphertextKeys } from "./ciphertexts.ts";
import type { Finding } from "./finding.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wattveil-validate-"));
const ENROLLED = join(ROOT, "enrolled");
const PARTIES = ["a-1", "a-2", "a-3", "analytics", "utility", "m-001"];
const LIGHT = {
  "homomorphic.enabled": true,
  "homomorphic.sets": ["light"],
  "homomorphic.series": { load: { kind: "import", set: "light", content: "energy" } },
  "analytics.jobs": [],
};

function configOf(data: string, set: Readonly<Record<string, unknown>> = {}): Config {
  const fields = { "paths.data": data, "simulation.enabled": true, ...LIGHT, ...set };
  return loadConfig({
    env: {},
    flags: Object.entries(fields).map(([path, value]) => ({ name: "test", path, value })),
  });
}

before(async () => {
  const meters = [{ meter: "m-001", feeder: "f-1" }];
  await enrol({ data: ENROLLED, meters, simulation: true, ckks: ckksPlan(configOf(ENROLLED)) });
});
after(() => rmSync(ROOT, { recursive: true, force: true }));

/** A copy of the enrolled system that a test may damage. */
function copy(name: string): string {
  const data = join(ROOT, name);
  cpSync(ENROLLED, data, { recursive: true });
  return data;
}

const partiesOf = (data: string): Party[] => PARTIES.map((id) => openParty(join(data, "keys", id)));
const faults = (findings: readonly Finding[]): string[] =>
  findings.filter(({ state }) => state === "fault").map(({ check, detail }) => `${check}: ${detail}`);

test("every configured set is tested, and a machine that computes wrong is told", async () => {
  const config = configOf(ENROLLED);
  const [found, ...more] = await checkCiphertextEngine(config);
  assert.deepEqual(more, []);
  assert.equal(found?.state, "ok", found?.detail);
  assert.match(found.detail, /N = 4096, 3 primes: encrypted, and opened by 2 of 3 shares; wrong by [\d.e-]+ Wh/);
  const wrong = await checkCiphertextEngine(config, () => Promise.reject(new Error("a reading is wrong by 7 Wh")));
  assert.deepEqual(faults(wrong), ["the set light: a reading is wrong by 7 Wh"]);
});

test("nothing is loaded where nothing is encrypted", async () => {
  const config = configOf(ENROLLED, { "homomorphic.enabled": false });
  const findings = await checkCiphertextEngine(config, () => Promise.reject(new Error("it was loaded")));
  assert.deepEqual(
    findings.map(({ state }) => state),
    ["note"],
  );
});

test("manifests, public keys and key shares of an enrolled system are in order", async () => {
  const findings = await checkCiphertextKeys(configOf(ENROLLED), partiesOf(ENROLLED));
  assert.deepEqual(faults(findings), []);
  assert.deepEqual(
    findings.map(({ check }) => check),
    ["manifests", "public keys", "key shares"],
  );
  assert.match(findings[0]?.detail ?? "", /epoch 1, 2 of 3 open: light/);
});

test("a public key that was altered, and one that is missing, are told", async () => {
  const data = copy("altered");
  const file = join(data, "ckks", "1", "light", "public.key");
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
  const altered = faults(await checkCiphertextKeys(configOf(data), partiesOf(data)));
  assert.equal(altered.length, 1);
  assert.match(altered[0] ?? "", /public\.key is not what ckks\.cose lists/);
  rmSync(join(data, "ckks"), { recursive: true });
  assert.match(faults(await checkCiphertextKeys(configOf(data), partiesOf(data)))[0] ?? "", /ckks\/1 is missing/);
});

test("shares that are another aggregator's do not open", async () => {
  const data = copy("swapped");
  cpSync(join(data, "keys", "a-1", "ckks-share.bin"), join(data, "keys", "a-2", "ckks-share.bin"));
  const found = faults(await checkCiphertextKeys(configOf(data), partiesOf(data)));
  assert.equal(found.length, 1);
  assert.match(found[0] ?? "", /key shares: .*a-2.*ckks-share\.bin/);
});

test("a party without the manifest, other parameters, and keys that were never dealt are told", async () => {
  const data = copy("without");
  rmSync(join(data, "keys", "utility", "ckks.cose"));
  const [without] = faults(await checkCiphertextKeys(configOf(data), partiesOf(data)));
  assert.match(without ?? "", /utility: without the manifest of epoch 1/);
  const other = configOf(ENROLLED, { "homomorphic.light": { degree: 4096, primeBits: [45, 45, 18], scaleBits: 60 } });
  const [different] = faults(await checkCiphertextKeys(other, partiesOf(ENROLLED)));
  assert.match(different ?? "", /the set light was dealt with other parameters/);
  for (const id of PARTIES) rmSync(join(data, "keys", id, "ckks.cose"), { force: true });
  const [never] = faults(await checkCiphertextKeys(configOf(data), partiesOf(data)));
  assert.match(never ?? "", /no keys were ever dealt/);
});
