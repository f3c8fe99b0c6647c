/**
 * `meter.json`: the secrets of one meter. The polynomial key never leaves the device; a root key is shared with one
 * aggregator; the customer's key opens what is sealed to the household. Where a device that shares by itself has taken
 * the keys over, the file says so and keeps the customer's alone.
 */
import { createHash, createPrivateKey, type KeyObject, randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { aggregatorIndex, feederId, meterId } from "../../protocol/names.ts";
import { KeyFolderError, readKeyFile } from "./folder.ts";

export const METER_FILE = "meter.json";
const KEY_BYTES = 32;

const key = z.string().regex(/^[0-9a-f]{64}$/, "a key is 64 hex digits");
const content = z.strictObject({
  meter: meterId,
  /** Where the meter was enrolled; the roll says where it is. */
  feeder: feederId,
  keyVersion: z.int().min(1),
  polynomialKey: key,
  rootKeys: z.array(z.strictObject({ aggregator: aggregatorIndex, key })).min(1),
  customerSealKey: key,
});
const meterFile = z.strictObject({ ...content.shape, checksum: key });
const deviceContent = z.strictObject({
  ...content.pick({ meter: true, feeder: true, keyVersion: true, customerSealKey: true }).shape,
  device: z.strictObject({
    /** As the device reports it: 16 bytes that show no key. */
    fingerprint: z.string().regex(/^[0-9a-f]{32}$/, "a fingerprint is 32 hex digits"),
    /** Unix seconds. */
    provisionedAt: z.int().min(0),
  }),
});
const deviceFile = z.strictObject({ ...deviceContent.shape, checksum: key });

export interface MeterSecrets {
  readonly meter: string;
  readonly feeder: string;
  readonly keyVersion: number;
  /** 32 bytes. */
  readonly polynomialKey: Uint8Array;
  /** 32 bytes for each aggregator, by share index. */
  readonly rootKeys: ReadonlyMap<number, Uint8Array>;
  /** X25519 private key, 32 raw bytes. */
  readonly customerSealKey: Uint8Array;
}

/** The content of `meter.json`. */
export function encodeMeterSecrets(secrets: MeterSecrets): string {
  const file: z.infer<typeof content> = {
    meter: secrets.meter,
    feeder: secrets.feeder,
    keyVersion: secrets.keyVersion,
    polynomialKey: hex(secrets.polynomialKey),
    rootKeys: [...secrets.rootKeys].map(([aggregator, value]) => ({ aggregator, key: hex(value) })),
    customerSealKey: hex(secrets.customerSealKey),
  };
  return `${JSON.stringify({ ...file, checksum: checksumOf(file) }, null, 2)}\n`;
}

/** The content of `meter.json` once a device has the meter's keys: without them. */
export function encodeDeviceMeter(
  { meter, feeder, keyVersion, customerSealKey }: MeterSecrets,
  device: z.infer<typeof deviceContent>["device"],
): string {
  const file = { meter, feeder, keyVersion, customerSealKey: hex(customerSealKey), device };
  return `${JSON.stringify({ ...file, checksum: digestOf(deviceContent.parse(file)) }, null, 2)}\n`;
}

/** The household's key, wherever the meter's other keys are. Throws KeyFolderError. */
export function openCustomerKey(folder: string): Uint8Array {
  const text = readKeyFile(folder, METER_FILE).toString("utf8");
  const device = deviceFile.safeParse(parseJson(text));
  return device.success ? bytes(device.data.customerSealKey) : secretsOfText(text, folder).customerSealKey;
}

/**
 * Reads a meter's secrets. Throws KeyFolderError when the file is missing, open to others, or not as written,
 * and `on-device` where a device has the keys.
 */
export function openMeterSecrets(folder: string): MeterSecrets {
  return secretsOfText(readKeyFile(folder, METER_FILE).toString("utf8"), folder);
}

/**
 * What stays of a meter when it gets new root keys. A device that had taken the keys over is then blank or gone: the meter
 * gets a new polynomial key, too. Throws KeyFolderError.
 */
export function openMeterForRekey(folder: string): Omit<MeterSecrets, "rootKeys"> {
  const text = readKeyFile(folder, METER_FILE).toString("utf8");
  const parsed = deviceFile.safeParse(parseJson(text));
  if (!parsed.success) return secretsOfText(text, folder);
  const { meter, feeder, keyVersion, customerSealKey } = parsed.data;
  const polynomialKey = Uint8Array.from(randomBytes(KEY_BYTES));
  return { meter, feeder, keyVersion, polynomialKey, customerSealKey: bytes(customerSealKey) };
}

/** Like `openMeterSecrets`, for a file's text; `folder` is for the error message. */
export function secretsOfText(text: string, folder: string): MeterSecrets {
  const json = parseJson(text);
  const device = deviceFile.safeParse(json);
  if (device.success) {
    throw new KeyFolderError(
      "on-device",
      `the keys of ${device.data.meter} are in its device: npm run gateway -- --kind wattveil --meter ${device.data.meter}`,
    );
  }
  const parsed = meterFile.safeParse(json);
  if (!parsed.success) damaged(folder, "is no meter's file of secrets");
  const { checksum, ...file } = parsed.data;
  // Against a failing card, not against someone who may write here: a wrong key would only show as refused shares.
  if (checksumOf(file) !== checksum) damaged(folder, "does not fit its checksum");
  const rootKeys = new Map(file.rootKeys.map((entry) => [entry.aggregator, bytes(entry.key)]));
  if (rootKeys.size !== file.rootKeys.length) damaged(folder, "lists an aggregator twice");
  return {
    meter: file.meter,
    feeder: file.feeder,
    keyVersion: file.keyVersion,
    polynomialKey: bytes(file.polynomialKey),
    rootKeys,
    customerSealKey: bytes(file.customerSealKey),
  };
}

/** The customer's key as an object for opening sealed messages; its public half is in the utility's `customers.cbor`. */
export function customerKeyObject(raw: Uint8Array): KeyObject {
  // PKCS#8 of an X25519 key is a fixed prefix (RFC 8410) and the raw key.
  const der = Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), raw]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}

function checksumOf(file: z.infer<typeof content>): string {
  return digestOf(content.parse(file));
}

function digestOf(file: object): string {
  return createHash("sha256").update(JSON.stringify(file)).digest("hex");
}

// Parse errors quote the text, so none is kept.
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function damaged(folder: string, problem: string): never {
  throw new KeyFolderError("damaged-file", `${join(folder, METER_FILE)} ${problem}`);
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString("hex");
}

function bytes(value: string): Uint8Array {
  return Uint8Array.from(Buffer.from(value, "hex"));
}
