/**
 * The folders of keys on this machine: complete, private, vouched for by the authority, in date, and of one system that
 * is the configured one. A machine need not have all of them: a party is handed its own and nothing else.
 */
import { X509Certificate } from "node:crypto";
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "../../config/index.ts";
import {
  openCustomers,
  openMeterKeys,
  openMeterSecrets,
  openParty,
  openRoll,
  type Party,
  KeyFolderError,
} from "../../config/keys/index.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import { checkCiphertextKeys } from "./ciphertexts.ts";
import { type Finding, findingsOf, messageOf } from "./finding.ts";

const { ok, note, fault } = findingsOf("keys");
const DAY_MILLISECONDS = 86_400_000;
const RENEW_DAYS = 60;
/** More lines of one kind would hide the others. */
const MOST_NAMED = 5;

/** `now` in milliseconds since the epoch. */
export async function checkKeys(config: Config, now: number): Promise<Finding[]> {
  const keys = join(resolve(config.paths.data), "keys");
  const enrolHint = "npm run fleet enrols by itself; npm run enrol -- --meters <number> does it without a run";
  let folders: string[];
  try {
    folders = readdirSync(keys).filter((name) => !name.startsWith("."));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return [note("keys", `none yet in ${keys}`, enrolHint)];
    const remedy = "run this as the user who runs the system";
    return [fault("keys", `${keys} cannot be read by this user (${code ?? messageOf(error)})`, remedy)];
  }
  if (folders.length === 0) return [note("keys", `${keys} is empty`, enrolHint)];
  const parties: Party[] = [];
  const broken: string[] = [];
  for (const name of folders) {
    try {
      const party = openParty(join(keys, name));
      if (party.id !== name) throw new Error(`${join(keys, name)} holds the keys of ${party.id}`);
      parties.push(party);
    } catch (error) {
      broken.push(messageOf(error));
    }
  }
  const servers = parties.filter(({ role }) => role !== "meter");
  const meters = parties.filter(({ role }) => role === "meter");
  return [
    ...broken.slice(0, MOST_NAMED).map((problem) => fault("folder", problem, "see the message; else enrol it again")),
    ...(broken.length > MOST_NAMED ? [fault("folder", `and ${broken.length - MOST_NAMED} more like these`)] : []),
    ok("folders", `${parties.length} private and vouched for: ${names(servers)} and ${meters.length} meters`),
    ...checkCertificates(parties, now),
    ...checkDirectory(parties, config),
    ...(await checkLists(parties)),
    ...checkSecrets(meters),
    ...(await checkCiphertextKeys(config, parties)),
  ];
}

function names(parties: readonly Party[]): string {
  return parties.length === 0 ? "no servers" : parties.map(({ id }) => id).join(", ");
}

function checkCertificates(parties: readonly Party[], now: number): Finding[] {
  if (parties.length === 0) return [];
  const dates = parties.map(({ id, tls }) => {
    const certificate = new X509Certificate(tls.cert);
    return { id, from: Date.parse(certificate.validFrom), to: Date.parse(certificate.validTo) };
  });
  const renew = "npm run enrol -- rekey <meter> for a meter; enrol a new system for servers";
  const expired = dates.filter(({ to }) => to <= now).map(({ id }) => id);
  const early = dates.filter(({ from }) => from > now).map(({ id }) => id);
  if (expired.length > 0) return [fault("certificates", `expired: ${short(expired)}`, renew)];
  if (early.length > 0) {
    return [fault("certificates", `not valid yet: ${short(early)}`, "set the clock of this machine right")];
  }
  const first = Math.min(...dates.map(({ to }) => to));
  const days = Math.floor((first - now) / DAY_MILLISECONDS);
  const detail = `the first one expires in ${days} days`;
  return [days < RENEW_DAYS ? note("certificates", detail, renew) : ok("certificates", detail)];
}

function short(list: readonly string[]): string {
  const more = list.length - MOST_NAMED;
  return more > 0 ? `${list.slice(0, MOST_NAMED).join(", ")} and ${more} more` : list.join(", ");
}

/** All parties belong to one system, and it is the configured one. */
function checkDirectory(parties: readonly Party[], config: Config): Finding[] {
  const [first] = parties;
  if (first === undefined) return [];
  const mark = ({ ca, created }: Directory): string => `${Buffer.from(ca).toString("hex")} ${created}`;
  const strangers = parties.filter(({ directory }) => mark(directory) !== mark(first.directory)).map(({ id }) => id);
  if (strangers.length > 0) {
    return [
      fault("directory", `${short(strangers)}: of another system than ${first.id}`, "keep one system per folder"),
    ];
  }
  const { n, t, q, slotSeconds, simulation } = first.directory;
  const { system } = config;
  const differences = [
    ["system.aggregators", system.aggregators, n],
    ["system.threshold", system.threshold, t],
    ["system.quorum", system.quorum, q],
    ["system.slotSeconds", system.slotSeconds, slotSeconds],
    ["simulation.enabled", config.simulation.enabled, simulation],
  ].filter(([, wanted, is]) => wanted !== is);
  if (differences.length === 0) return [ok("directory", `n = ${n}, t = ${t}, q = ${q}, slots of ${slotSeconds} s`)];
  return differences.map(([field, wanted, is]) =>
    fault(
      "directory",
      `enrolled with ${String(is)}, but ${String(field)} is ${String(wanted)}`,
      `set ${String(field)}=${String(is)}, or use another --data`,
    ),
  );
}

const ROLL_HOLDERS = ["aggregator", "utility", "broker", "authority"];

/** What the authority handed out verifies and opens, and every meter here is certified. */
async function checkLists(parties: readonly Party[]): Promise<Finding[]> {
  const meters = parties.filter(({ role }) => role === "meter").map(({ id }) => id);
  const findings: Finding[] = [];
  for (const party of parties.filter(({ role }) => ROLL_HOLDERS.includes(role))) {
    try {
      const roll = openRoll(party);
      // Only the authority's folder follows what is enrolled later; the others have that in their databases.
      const unknown = party.role === "authority" ? meters.filter((meter) => roll.record(meter) === undefined) : [];
      if (unknown.length > 0) {
        const detail = `not certified: ${short(unknown)}`;
        findings.push(fault("membership", detail, "npm run enrol completes it, on a running system with sync"));
      }
      if (party.role === "utility") openCustomers(party);
      if (party.role === "aggregator") await openMeterKeys(party);
    } catch (error) {
      findings.push(fault("lists", messageOf(error), "npm run enrol -- sync; else restore the folder from its backup"));
    }
  }
  return findings.length > 0 ? findings : [ok("membership", "rolls and lists of keys verify and open")];
}

function checkSecrets(meters: readonly Party[]): Finding[] {
  return meters.flatMap(({ id, folder, directory }) => {
    try {
      const { meter, rootKeys } = openMeterSecrets(folder);
      if (meter !== id) return [fault("meter secrets", `${folder} holds those of ${meter}`, "restore the folder")];
      if (rootKeys.size === directory.n) return [];
      return [fault("meter secrets", `${id} has ${rootKeys.size} keys for ${directory.n} aggregators`, "rekey it")];
    } catch (error) {
      if (error instanceof KeyFolderError && error.code === "on-device") return [];
      return [fault("meter secrets", messageOf(error), `npm run enrol -- rekey ${id}`)];
    }
  });
}
