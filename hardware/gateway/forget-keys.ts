/**
 * Takes a meter's keys out of its folder once a device has them. The old file's bytes are overwritten before they are
 * let go of: on a plain disk nothing of them is left; what a flash card keeps in spare blocks nobody can promise.
 */
import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, fsyncSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeDeviceMeter, METER_FILE, type MeterSecrets } from "../../config/keys/meter-secrets.ts";

export function forgetKeys(
  folder: string,
  secrets: MeterSecrets,
  device: { readonly fingerprint: Uint8Array; readonly provisionedAt: number },
): void {
  const { fingerprint, provisionedAt } = device;
  const hex = Buffer.from(fingerprint).toString("hex");
  const path = join(folder, METER_FILE);
  const staging = join(folder, `.${METER_FILE}.new`);
  const text = encodeDeviceMeter(secrets, { fingerprint: hex, provisionedAt: Math.floor(provisionedAt) });
  writeFileSync(staging, text, { mode: 0o600, flush: true });
  const old = openSync(path, "r+");
  try {
    // First the new file in its place: at no moment is there none.
    renameSync(staging, path);
    writeSync(old, randomBytes(fstatSync(old).size), 0, undefined, 0);
    fsyncSync(old);
  } finally {
    closeSync(old);
  }
  const directory = openSync(folder, "r");
  fsyncSync(directory);
  closeSync(directory);
}
