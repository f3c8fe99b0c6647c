/**
 * Enrols a system and its meters while nothing runs: `npm run enrol -- --meters 50`, the fleet's first start, tests.
 * It may be repeated: what is there stays, what is missing is added, no key is ever overwritten.
 */
import { createPrivateKey } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { KeyObject } from "node:crypto";
import { signRecord } from "../../protocol/membership.ts";
import type { MembershipRecord } from "../../protocol/messages/enrolment.ts";
import { feederId, meterId } from "../../protocol/names.ts";
import { CUSTOMERS_FILE, encodeCustomers } from "../keys/customers-file.ts";
import { readKeyFile } from "../keys/folder.ts";
import { openCustomers, type Party } from "../keys/index.ts";
import { alone } from "./alone.ts";
import { addApiFolder } from "./api-folder.ts";
import { type CertificateAuthority, openCertificateAuthority } from "./certificates.ts";
import type { DealingProgress } from "./ckks-deal.ts";
import type { CkksPlan } from "./ckks-plan.ts";
import { assertDealt, distributeManifest } from "./ckks-redeal.ts";
import { countersignFolder } from "./countersign-folder.ts";
import { EnrolmentError, replaceFile } from "./files.ts";
import { customerKeyOf, deliverRootKeys, type MeterPlace, secretsFor, writeMeterFolder } from "./new-meters.ts";
import { aggregatorIds, RollBook } from "./roll-book.ts";
import { dealSubsetKeys } from "./subset-keys-deal.ts";
import { keyFolder, openOrFoundSystem, type SystemOptions } from "./system.ts";

export interface EnrolOptions {
  /** Folder of all data; keys go to `<data>/keys`. */
  readonly data: string;
  readonly meters: readonly MeterPlace[];
  /** Default 3. */
  readonly aggregators?: number;
  /** Default 2. */
  readonly threshold?: number;
  /** Default: the smallest majority. */
  readonly quorum?: number;
  /** Default 900. */
  readonly slotSeconds?: number;
  /** Default false: then no simulated clock is ever taken. */
  readonly simulation?: boolean;
  /** Names and addresses of the broker; default `localhost` and `127.0.0.1`. */
  readonly hosts?: readonly string[];
  /** Unix seconds; certificates begin to hold a day before. Default: the system's clock. */
  readonly now?: number;
  /** First slot of new meters; default 0, since simulated or replayed time may lie anywhere. */
  readonly fromSlot?: number;
  readonly onProgress?: (done: number, total: number) => void;
  /** Keys for ciphertexts (`ckksPlan`), dealt when the system is founded; undefined: none are asked for. */
  readonly ckks?: CkksPlan | undefined;
  readonly onDealing?: DealingProgress;
}

export interface EnrolResult {
  /** `<data>/keys`. */
  readonly keys: string;
  /** Meters that this run added. */
  readonly added: readonly string[];
  /** All meters of the system. */
  readonly meters: readonly string[];
  readonly aggregators: number;
  readonly threshold: number;
  readonly quorum: number;
}

/** Certificates made at the same time: enough to keep the threads of the crypto pool busy. */
const PARALLEL = 32;
export const DEFAULT_HOSTS = ["localhost", "127.0.0.1"];

/** Throws EnrolmentError or KeyFolderError; what was done until then is completed by the next run. */
export async function enrol(options: EnrolOptions): Promise<EnrolResult> {
  assertMeters(options.meters);
  return await alone(options.data, () => enrolAlone(options));
}

async function enrolAlone(options: EnrolOptions): Promise<EnrolResult> {
  const keys = join(options.data, "keys");
  const now = options.now ?? Date.now() / 1000;
  const authority = await openOrFoundSystem(keys, systemOptions(options, now));
  if (options.ckks !== undefined) assertDealt(authority, options.ckks);
  distributeManifest(keys, authority.folder);
  await addApiFolder(keys, authority, () => openCa(authority, now));
  await dealSubsetKeys(keys, authority);
  const book = new RollBook(authority);
  const missing = options.meters.filter(({ meter }) => book.get(meter) === undefined);
  if (missing.length > 0) {
    await addMeters(
      { keys, authority, book, meters: missing, now, fromSlot: options.fromSlot ?? 0 },
      options.onProgress,
    );
  }
  countersignOffline(keys, authority, book, options.fromSlot ?? 0);
  return {
    keys,
    added: missing.map(({ meter }) => meter),
    meters: book.entries().map(({ record }) => record.meter),
    aggregators: authority.directory.n,
    threshold: authority.directory.t,
    quorum: authority.directory.q,
  };
}

function systemOptions(options: EnrolOptions, now: number): SystemOptions {
  const aggregators = options.aggregators ?? 3;
  return {
    aggregators,
    threshold: options.threshold ?? 2,
    quorum: options.quorum ?? Math.floor(aggregators / 2) + 1,
    slotSeconds: options.slotSeconds ?? 900,
    simulation: options.simulation ?? false,
    hosts: options.hosts ?? DEFAULT_HOSTS,
    now,
    ckks: options.ckks,
    onDealing: options.onDealing,
  };
}

export interface NewMeters {
  readonly keys: string;
  readonly authority: Party;
  readonly book: RollBook;
  readonly meters: readonly MeterPlace[];
  readonly now: number;
  readonly fromSlot: number;
}

/**
 * Keys, folders and records of new meters. The order matters to an interrupted run: the record comes last, so a meter
 * without a record is made again, from the keys in its folder where there is one.
 */
async function addMeters(job: NewMeters, onProgress: EnrolOptions["onProgress"]): Promise<void> {
  const { keys, authority, book, meters, now, fromSlot } = job;
  const secrets = meters.map((place) => secretsFor(keys, place, authority.directory.n));
  await deliverRootKeys(keys, secrets, authority);
  const ca = await openCa(authority, now);
  for (let at = 0; at < secrets.length; at += PARALLEL) {
    const batch = secrets.slice(at, at + PARALLEL);
    await Promise.all(batch.map((one) => writeMeterFolder(keys, one, authority, ca)));
    onProgress?.(Math.min(at + PARALLEL, secrets.length), secrets.length);
  }
  addCustomers(keys, authority, new Map(secrets.map((one) => [one.meter, customerKeyOf(one)])));
  for (const [i, { meter, feeder, role, moves = [] }] of meters.entries()) {
    const stays = [{ feeder, from: fromSlot }, ...moves];
    const places = stays.map((stay, at) => ({ ...stay, to: stays[at + 1]?.from ?? null }));
    const own = { meter, serial: 1, keyVersion: secrets[i]!.keyVersion, places };
    const record: MembershipRecord = role === undefined ? own : { ...own, role };
    book.addRecord(record, signRecord(record, authority));
  }
  book.save(keys);
}

/** The CA, from the authority's folder. */
export function openCa(authority: Party, now: number): Promise<CertificateAuthority> {
  return openCertificateAuthority(authority.tls.ca, caKey(authority), now);
}

function caKey({ folder }: Party): KeyObject {
  const pem = readKeyFile(folder, "ca.key");
  try {
    return createPrivateKey(pem);
  } catch {
    throw new EnrolmentError(`${join(folder, "ca.key")} cannot be parsed`); // the cause would quote it
  }
}

/** Adds customers' public keys to the list, and hands it to the utility where its folder is on this machine. */
export function addCustomers(keys: string, authority: Party, added: ReadonlyMap<string, Uint8Array>): void {
  const list = encodeCustomers(new Map([...openCustomers(authority), ...added]), authority);
  replaceFile(join(authority.folder, CUSTOMERS_FILE), list);
  const utility = keyFolder(keys, "utility");
  if (existsSync(utility)) replaceFile(join(utility, CUSTOMERS_FILE), list);
}

/**
 * Lets each aggregator countersign, with its own folder, what it has not countersigned yet. Throws EnrolmentError when
 * an aggregator refuses a record.
 */
function countersignOffline(keys: string, authority: Party, book: RollBook, currentSlot: number): void {
  let changed = false;
  for (const [i, id] of aggregatorIds(authority).entries()) {
    const waiting = book.entries().filter(({ countersignatures }) => !countersignatures.has(i + 1));
    if (waiting.length === 0) continue;
    const signed = waiting.map((entry) => entry.signed);
    const given = countersignFolder(keyFolder(keys, id), signed, currentSlot);
    for (const [k, { record }] of waiting.entries()) book.addCountersignature(record.meter, given[k]!);
    changed = true;
  }
  if (changed) book.save(keys);
}

function assertMeters(meters: readonly MeterPlace[]): void {
  const seen = new Set<string>();
  for (const { meter, feeder } of meters) {
    for (const [schema, value, what] of [
      [meterId, meter, "meter"],
      [feederId, feeder, "feeder"],
    ] as const) {
      const checked = schema.safeParse(value);
      if (!checked.success) throw new EnrolmentError(`${what} "${value}": ${checked.error.issues[0]?.message ?? ""}`);
    }
    if (seen.has(meter)) throw new EnrolmentError(`meter "${meter}" is listed twice`);
    seen.add(meter);
  }
}
