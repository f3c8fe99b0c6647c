/**
 * Makes a blank device a meter: derives its keys from the meter's folder, sends them once over the line, checks by the
 * fingerprint that the device has them, and takes them out of the folder. Derived keys and the polynomial key, which is
 * made here for this device alone, are never written down.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { ExplainedError } from "../../config/faults.ts";
import type { MeterSecrets } from "../../config/keys/index.ts";
import { directionKey } from "../../protocol/envelope/aead.ts";
import { DEVICE_FLAGS, type IdentityFrame, provisioningFrames, REPLY_CODES, replyName } from "../link/index.ts";
import { DeviceLink } from "./device-link.ts";
import type { Line } from "./serial-port.ts";

/** The device refused, or there is none; the message says what to do. */
class ProvisionError extends ExplainedError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ProvisionError";
  }
}

export interface ProvisionOptions {
  readonly line: Pick<Line, "stream">;
  readonly secrets: MeterSecrets;
  readonly threshold: number;
  readonly slotSeconds: number;
  readonly pulsesPerKwh: number;
  /** The most pulses that a power cut may lose, 16 to 255. */
  readonly checkpoint: number;
  readonly resendSeconds: number;
  /** How long to wait for the device, and for its jumper. */
  readonly patienceSeconds: number;
  /** Tells a person what is waited for. */
  readonly tell: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Keys are written and read back; nothing is sent meanwhile. */
const REPLY_MILLISECONDS = 5_000;
/** A board that was just reset is busy with its boot loader. */
const ASK_MILLISECONDS = 500;

const WORDS: Readonly<Partial<Record<ReturnType<typeof replyName>, string>>> = {
  alreadyProvisioned: "it has keys already; a chip erase is the only way to take them out",
  jumperMissing: "the jumper is not set",
  outOfRange: "a value is out of its range",
  wrongFingerprint: "the keys did not arrive as they were sent; begin again",
  eepromFailed: "its EEPROM does not keep what is written; the chip is worn out",
};

/** Provisions the device on the line; resolves with its fingerprint. Rejects with ProvisionError. */
export async function provisionDevice(options: ProvisionOptions): Promise<Uint8Array> {
  const { line, secrets } = options;
  const heard: { identity?: IdentityFrame } = {};
  const device = new DeviceLink({
    line: line.stream,
    replyMilliseconds: REPLY_MILLISECONDS,
    refused: () => undefined,
    frame: (frame) => {
      if (frame.kind === "identity") heard.identity = frame;
    },
  });
  const identity = async (): Promise<IdentityFrame | undefined> => {
    delete heard.identity;
    await device.request({ kind: "ask", what: "identity" });
    return heard.identity;
  };
  try {
    await blankDevice(identity, options);
    const { frames, ...made } = framesOf(options);
    const fingerprint = made.fingerprint.slice();
    for (const frame of frames) {
      const code = await device.request(frame);
      frame.content.fill(0);
      // Whether the last part arrived is seen from what the device then is, not from its reply.
      if (code === REPLY_CODES.done || (code === undefined && frame === frames.at(-1))) continue;
      const words = code === undefined ? "it does not answer any more" : (WORDS[replyName(code)] ?? replyName(code));
      throw new ProvisionError(`the device did not take part ${frame.part}: ${words}; it is still without keys`);
    }
    // It starts as a meter now, which takes a moment.
    const now = (await identity()) ?? (await identity());
    if (now?.meter !== secrets.meter || !Buffer.from(now.fingerprint).equals(fingerprint)) {
      throw new ProvisionError("the device reports another fingerprint than that of its keys: do not use it");
    }
    return fingerprint;
  } finally {
    device.close();
  }
}

/** Waits for a device without keys whose jumper is set. */
async function blankDevice(identity: () => Promise<IdentityFrame | undefined>, options: ProvisionOptions) {
  const { patienceSeconds, tell, signal } = options;
  const deadline = performance.now() + patienceSeconds * 1_000;
  let told = "";
  const say = (text: string): void => {
    if (text !== told) tell(text);
    told = text;
  };
  for (;;) {
    const found = await identity();
    if (found !== undefined && (found.flags & DEVICE_FLAGS.provisioned) !== 0) {
      const words = `this device is ${found.meter} already, and keeps its keys until its chip is erased`;
      throw new ProvisionError(`${words} (docs/hardware/provisioning.md)`);
    }
    if (found !== undefined && (found.flags & DEVICE_FLAGS.jumper) !== 0) return;
    const missing =
      found === undefined ? "no device answers: is the firmware on it?" : "the jumper is not set (pin 4 to ground)";
    if (performance.now() > deadline) throw new ProvisionError(missing);
    say(found === undefined ? "waiting for the device ..." : "connect pin 4 to ground (the jumper) ...");
    await wait(ASK_MILLISECONDS, undefined, { signal }).catch(() => {
      throw new ProvisionError("interrupted; the device is still without keys");
    });
  }
}

function framesOf({ secrets, ...settings }: ProvisionOptions) {
  const { threshold, slotSeconds, pulsesPerKwh, checkpoint, resendSeconds } = settings;
  const indices = [...secrets.rootKeys.keys()].sort((a, b) => a - b);
  const polynomialKey = randomBytes(32);
  const peers = indices.map((index) => {
    const rootKey = secrets.rootKeys.get(index)!;
    return { shareKey: directionKey(rootKey, "wv/1/share"), ackKey: directionKey(rootKey, "wv/1/ack") };
  });
  try {
    const fixed = { threshold, slotSeconds, pulsesPerKwh, checkpoint, resendSeconds };
    return provisioningFrames({ meter: secrets.meter, polynomialKey, peers, ...fixed });
  } catch (error) {
    if (error instanceof RangeError) throw new ProvisionError(error.message, { cause: error });
    throw error;
  } finally {
    polynomialKey.fill(0);
    for (const { shareKey, ackKey } of peers) for (const key of [shareKey, ackKey]) key.fill(0);
  }
}
