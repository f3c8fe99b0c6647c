/** `npm run gateway -- provision`: gives a new device the keys of its meter. */
import { join } from "node:path";
import { openMeterSecrets, openParty } from "../../config/keys/index.ts";
import { EXIT, type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { CHECKPOINT, PULSES_PER_KWH, type Range } from "../link/provisioning.ts";
import { forgetKeys } from "./forget-keys.ts";
import { ratesOf } from "./kinds.ts";
import { portsOf } from "./port-flags.ts";
import { provisionDevice } from "./provision.ts";
import { openSerialPort, type OpenPort } from "./serial-port.ts";

const DEFAULT_CHECKPOINT = 64;
const PATIENCE_SECONDS = 60;
/** A device is slower than a computer, and so is its line. */
const LEAST_RESEND_SECONDS = 10;

/** A flag that is a whole number within a range. Throws UsageError. */
function wholeOf(options: RoleContext["options"], name: string, flag: string, [least, most]: Range): number {
  const value = String(options[name]);
  if (/^\d+$/.test(value) && Number(value) >= least && Number(value) <= most) return Number(value);
  throw new UsageError(`${flag}: expected a whole number from ${least} to ${most}, got ${value}`);
}

/** Throws UsageError, KeyFolderError, PortError and ProvisionError. */
export async function provision(context: RoleContext, open: OpenPort = openSerialPort): Promise<number> {
  const { config, options, json, signal } = context;
  if (options["port"] === undefined) throw new UsageError("--port is missing");
  // The device counts pulses, so its port takes what only a pulse input has elsewhere.
  const { pulsesPerKwh: _pulses, ...flags } = options;
  const settings = portsOf({ ...context, options: flags }, { kind: "wattveil" })[0]!;
  if (settings.kind !== "wattveil") throw new UsageError(`--kind: only wattveil devices are provisioned`);
  if (options["pulsesPerKwh"] === undefined) throw new UsageError("--pulses-per-kwh is missing");
  const pulsesPerKwh = wholeOf(options, "pulsesPerKwh", "--pulses-per-kwh", PULSES_PER_KWH);
  const checkpoint = wholeOf({ checkpoint: DEFAULT_CHECKPOINT, ...options }, "checkpoint", "--checkpoint", CHECKPOINT);
  const folder = join(config.paths.data, "keys", settings.meter);
  const { directory } = openParty(folder);
  const secrets = openMeterSecrets(folder);
  const line = await open(settings.port, ratesOf(settings)[0]!);
  let fingerprint: Uint8Array;
  try {
    fingerprint = await provisionDevice({
      ...{ line, secrets, pulsesPerKwh, checkpoint, signal },
      threshold: directory.t,
      slotSeconds: config.system.slotSeconds,
      resendSeconds: Math.min(255, Math.max(LEAST_RESEND_SECONDS, Math.ceil(config.meter.resendSeconds))),
      patienceSeconds: PATIENCE_SECONDS,
      tell: (text) => process.stderr.write(`${text}\n`),
    });
  } finally {
    await line.close();
  }
  const kept = options["keepKeys"] === true;
  if (!kept) forgetKeys(folder, secrets, { fingerprint, provisionedAt: Date.now() / 1_000 });
  const hex = Buffer.from(fingerprint).toString("hex");
  const where = kept
    ? `its keys are still in ${folder}: whoever reads them can read its shares`
    : `its keys are in the device and no longer in ${folder}`;
  const text = `${settings.meter} is provisioned, fingerprint ${hex}\n${where}\nnow take the jumper off and set the lock bits`;
  process.stdout.write(
    json ? `${JSON.stringify({ meter: settings.meter, fingerprint: hex, keysKept: kept })}\n` : `${text}\n`,
  );
  return EXIT.ok;
}
