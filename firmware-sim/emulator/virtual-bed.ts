/** An emulated device with its own aggregators, provisioned over its line, for tests. */
import { randomBytes } from "node:crypto";
import { provisioningFrames } from "../../../hardware/link/index.ts";
import { directionKey } from "../../../protocol/envelope/aead.ts";
import { PURPOSES, RandomStream } from "../../loads/random.ts";
import { type DeviceFaults, EmulatedDevice } from "../emulated-device.ts";
import { loadFirmware } from "../firmware.ts";
import { VirtualAggregator } from "../virtual-aggregator.ts";
import { provisionDevice, VirtualHost } from "../virtual-host.ts";

export const SLOT_SECONDS = 900;
/** 2025-01-15 00:00 UTC, a boundary. */
export const START = 1_736_899_200;

/** Another build than the committed one, for whoever works on the firmware. */
const FIRMWARE = loadFirmware(process.env["WATTVEIL_FIRMWARE"]);

export interface DeviceBedOptions {
  readonly seed?: number;
  readonly aggregators?: number;
  readonly threshold?: number;
  readonly pulsesPerKwh?: number;
  readonly checkpoint?: number;
  readonly slotSeconds?: number;
  readonly faults?: DeviceFaults;
  readonly isLost?: () => boolean;
}

export interface DeviceBed {
  readonly device: EmulatedDevice;
  readonly host: VirtualHost;
  readonly aggregators: readonly VirtualAggregator[];
  readonly random: () => number;
  /** True Unix seconds. */
  readonly now: () => number;
  readonly polynomialKey: Uint8Array;
}

export function seededRandom(seed: number): () => number {
  const stream = new RandomStream().enter([seed, 0], [1, 0], 0, PURPOSES.device);
  return () => stream.uniform();
}

/** Provisioned a minute before START, with its link down. */
export function deviceBed(options: DeviceBedOptions = {}): DeviceBed {
  const { seed = 1, aggregators: n = 3, threshold = 2, pulsesPerKwh = 1_000, faults } = options;
  const { checkpoint = 64, slotSeconds = SLOT_SECONDS, isLost } = options;
  const random = seededRandom(seed);
  const meter = `m-${seed}`;
  const rootKeys = Array.from({ length: n }, () => randomBytes(32));
  let origin = 0;
  const now = (): number => START - 60 + (device.machine.now - origin) / device.cyclesPerSecond;
  const aggregators = rootKeys.map((rootKey, i) => new VirtualAggregator({ rootKey, meter, index: i + 1, now }));
  const host = new VirtualHost({ aggregators, ...(isLost === undefined ? {} : { isLost }) });
  const device: EmulatedDevice = new EmulatedDevice({ program: FIRMWARE, random, onData: host.take, faults });
  host.attach(device);
  const polynomialKey = randomBytes(32);
  const { frames } = provisioningFrames({
    ...{ meter, polynomialKey, threshold, checkpoint, slotSeconds, pulsesPerKwh, resendSeconds: 30 },
    peers: rootKeys.map((rootKey) => ({
      shareKey: directionKey(rootKey, "wv/1/share"),
      ackKey: directionKey(rootKey, "wv/1/ack"),
    })),
  });
  device.run(1);
  provisionDevice(device, host, frames);
  origin = device.machine.now;
  return { device, host, aggregators, random, now, polynomialKey };
}
