/**
 * Makes the keys of new meters and delivers them: the meter's own folder, and a sealed list for each aggregator. The
 * polynomial key goes into the meter's folder and nowhere else.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { rawPrivateKey, rawPublicKey, sealMeterKeys } from "../../protocol/keys/index.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { CKKS_FILE, readKeyFile, REVOCATION_FILE } from "../keys/folder.ts";
import { customerKeyObject, type MeterSecrets, openMeterSecrets, openParty, type Party } from "../keys/index.ts";
import { encodeMeterKeyLists, METER_KEYS_FILE, readMeterKeyLists } from "../keys/meter-keys-file.ts";
import { encodeMeterSecrets, METER_FILE } from "../keys/meter-secrets.ts";
import type { CertificateAuthority } from "./certificates.ts";
import { EnrolmentError, replaceFile, writeFolder } from "./files.ts";
import { keyFolder } from "./system.ts";

export interface MeterPlace {
  readonly meter: string;
  /** Where the meter is from its first slot on. */
  readonly feeder: string;
  /** It stands at the head of its feeder; left out: a customer's. */
  readonly role?: "head";
  /** Later feeders, each from the slot at which the meter moves there: rising, and known at enrolment. */
  readonly moves?: readonly { readonly feeder: string; readonly from: number }[];
}

const KEY_BYTES = 32;

function randomKey(): Uint8Array {
  return Uint8Array.from(randomBytes(KEY_BYTES));
}

/** A root key for each aggregator, by share index. */
export function newRootKeys(n: number): Map<number, Uint8Array> {
  return new Map(Array.from({ length: n }, (_, i) => [i + 1, randomKey()]));
}

/** Keys for a meter; those of a folder that an interrupted run left behind are taken up again. */
export function secretsFor(keys: string, { meter, feeder }: MeterPlace, n: number): MeterSecrets {
  const folder = keyFolder(keys, meter);
  if (existsSync(folder)) {
    const { id } = openParty(folder);
    const secrets = openMeterSecrets(folder);
    if (id !== meter || secrets.meter !== meter) throw new EnrolmentError(`${folder} holds the keys of ${id}`);
    return secrets;
  }
  const customerSealKey = rawPrivateKey(generateKeyPairSync("x25519").privateKey);
  return { meter, feeder, keyVersion: 1, polynomialKey: randomKey(), rootKeys: newRootKeys(n), customerSealKey };
}

/** The public half of the customer's key. */
export function customerKeyOf({ customerSealKey }: MeterSecrets): Uint8Array {
  return rawPublicKey(customerKeyObject(customerSealKey));
}

/** Writes a meter's folder unless it is there. */
export async function writeMeterFolder(
  keys: string,
  secrets: MeterSecrets,
  authority: Party,
  ca: CertificateAuthority,
): Promise<void> {
  const folder = keyFolder(keys, secrets.meter);
  if (existsSync(folder)) return;
  const { certificate, key } = await ca.issue(secrets.meter, "meter");
  const files = new Map<string, string | Uint8Array>([
    ["identity.crt", certificate],
    ["identity.key", key],
    ["ca.crt", authority.tls.ca],
    ["authority.pub", readKeyFile(authority.folder, "authority.pub")],
    ["directory.cose", readKeyFile(authority.folder, "directory.cose")],
    [METER_FILE, encodeMeterSecrets(secrets)],
  ]);
  const { crl } = authority.tls;
  if (crl !== undefined) files.set(REVOCATION_FILE, crl);
  if (authority.ckks !== undefined) files.set(CKKS_FILE, readKeyFile(authority.folder, CKKS_FILE));
  writeFolder(folder, files);
}

/** Appends one sealed list with the root keys of these meters to each aggregator's folder. */
export async function deliverRootKeys(keys: string, meters: readonly MeterSecrets[], authority: Party): Promise<void> {
  for (let index = 1; index <= authority.directory.n; index++) {
    const id = aggregatorId(index);
    const folder = keyFolder(keys, id);
    if (!existsSync(folder)) {
      throw new EnrolmentError(`${folder} is not here: enrol on the running system (npm run enrol -- add --meter ...)`);
    }
    const list = meters.map(({ meter, keyVersion, rootKeys }) => {
      const rootKey = rootKeys.get(index);
      if (rootKey === undefined) throw new EnrolmentError(`${meter} has no key for aggregator ${index}`);
      return { meter, keyVersion, rootKey };
    });
    const sealed = await sealMeterKeys(list, authority, id);
    replaceFile(join(folder, METER_KEYS_FILE), encodeMeterKeyLists([...readMeterKeyLists(folder), sealed]));
  }
}
