/**
 * What ciphertexts need on this machine: SEAL loads and computes right with every parameter set that is used, and the
 * keys that were dealt are the configured ones, whole, and open for those who hold shares of them.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ckksPlan } from "../../config/enrolment/index.ts";
import { planDifference } from "../../config/enrolment/ckks-plan.ts";
import type { Config } from "../../config/index.ts";
import { ckksFolder, loadCkksMaterial, openCkksShare, type Party } from "../../config/keys/index.ts";
import type { CkksEpoch, CkksPart } from "../../protocol/keys/index.ts";
import { ckksSelfTest } from "../../protocol/self-test/ckks.ts";
import { type Finding, findingsOf, messageOf } from "./finding.ts";

const engine = findingsOf("ciphertexts");
const keys = findingsOf("ciphertext keys");
const REDEAL = "npm run enrol -- redeal makes new ones, while nothing runs";

/** Loads SEAL, and tests each set that is configured. `test` is a parameter for tests. */
export async function checkCiphertextEngine(config: Config, test = ckksSelfTest): Promise<Finding[]> {
  const plan = ckksPlan(config);
  if (plan === undefined) return [engine.note("node-seal", "not needed: homomorphic.enabled is false")];
  const findings: Finding[] = [];
  for (const { parameters } of plan.sets) {
    const { name, degree, primeBits } = parameters;
    try {
      const started = performance.now();
      const error = await test(parameters, { insecureForTests: plan.insecureForTests });
      const milliseconds = Math.round(performance.now() - started);
      const set = `N = ${degree}, ${primeBits.length} primes`;
      const detail = `${set}: encrypted, and opened by 2 of 3 shares; wrong by ${error.toPrecision(2)} Wh`;
      findings.push(engine.ok(`the set ${name}`, `${detail}; ${milliseconds} ms`));
    } catch (error) {
      const remedy = "npm ci, if node-seal does not load; else do not use this machine or this build of node";
      findings.push(engine.fault(`the set ${name}`, messageOf(error), remedy));
    }
  }
  return findings;
}

/** Manifests, public keys and key shares of the parties whose folders are here. */
export async function checkCiphertextKeys(config: Config, parties: readonly Party[]): Promise<Finding[]> {
  const plan = ckksPlan(config);
  const servers = parties.filter(({ role }) => ["aggregator", "analytics", "utility", "meter"].includes(role));
  if (servers.length === 0) return [];
  const holders = servers.filter(({ ckks }) => ckks !== undefined);
  const [first] = holders;
  if (first?.ckks === undefined) {
    if (plan === undefined) return [];
    return [keys.fault("manifests", "homomorphic.enabled is true, but no keys were ever dealt", REDEAL)];
  }
  const { current } = first.ckks;
  const findings: Finding[] = [];
  const others = servers.filter(({ ckks }) => ckks === undefined || !isSame(ckks.current, current)).map(({ id }) => id);
  if (others.length > 0) {
    const shown = others.slice(0, 5).join(", ") + (others.length > 5 ? ` and ${others.length - 5} more` : "");
    const detail = `${shown}: without the manifest of epoch ${current.epoch} that ${first.id} has`;
    findings.push(keys.fault("manifests", detail, "npm run enrol hands it out again, while nothing runs"));
  }
  const difference = plan === undefined ? undefined : planDifference(plan, current);
  if (difference !== undefined) findings.push(keys.fault("manifests", difference, REDEAL));
  if (findings.length === 0) {
    const sets = [...current.sets.keys()].join(", ");
    const detail = `epoch ${current.epoch}, ${current.t} of ${current.n} open: ${sets}`;
    findings.push(keys.ok("manifests", detail));
  }
  return [...findings, ...checkMaterial(config, current), ...(await checkShares(holders, current))];
}

function isSame(a: CkksEpoch, b: CkksEpoch): boolean {
  return a.epoch === b.epoch && Buffer.compare(a.dealing, b.dealing) === 0;
}

function checkMaterial(config: Config, epoch: CkksEpoch): Finding[] {
  const data = resolve(config.paths.data);
  const folder = ckksFolder(data, epoch.epoch);
  const remedy = `copy ${join("ckks", String(epoch.epoch))} again from the machine that enrolled`;
  if (!existsSync(folder)) return [keys.fault("public keys", `${folder} is missing`, remedy)];
  const findings: Finding[] = [];
  let bytes = 0;
  for (const [name, { digests }] of epoch.sets) {
    try {
      const material = loadCkksMaterial(data, epoch, name, Object.keys(digests) as CkksPart[]);
      bytes += Object.values(material).reduce((sum, { length }) => sum + length, 0);
    } catch (error) {
      findings.push(keys.fault("public keys", messageOf(error), remedy));
    }
  }
  if (findings.length > 0) return findings;
  return [keys.ok("public keys", `${(bytes / 2 ** 20).toFixed(1)} MiB, as the manifest lists them`)];
}

/** Every aggregator here can open its shares of every set, and of no other party's. */
async function checkShares(holders: readonly Party[], epoch: CkksEpoch): Promise<Finding[]> {
  const aggregators = holders.filter(({ role }) => role === "aggregator");
  if (aggregators.length === 0) return [];
  const findings: Finding[] = [];
  for (const party of aggregators) {
    for (const name of epoch.sets.keys()) {
      try {
        (await openCkksShare(party, epoch, name)).fill(0);
      } catch (error) {
        findings.push(keys.fault("key shares", messageOf(error), "restore the folder from its backup; or redeal"));
      }
    }
  }
  if (findings.length > 0) return findings;
  const names = aggregators.map(({ id }) => id).join(", ");
  return [keys.ok("key shares", `${names} open theirs of ${epoch.sets.size} sets`)];
}
