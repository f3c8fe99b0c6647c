/**
 * An emulated device with its own aggregators in process, provisioned over its line, for tests and measurements. The same
 * seed gives the same keys, pulses and faults.
 */
import { provisioningFrames } from "../../hardware/link/index.ts";
import { directionKey } from "../../protocol/envelope/aead.ts";
import { PURPOSES, RandomStream } from "../loads/random.ts";
import { type DeviceFaults, EmulatedDevice } from "./emulated-device.ts";
import { VirtualAggregator } from "./virtual-aggregator.ts";
import { provisionDevice, VirtualHost } from "./virtual-host.ts";

/** 2025-01-15 00:00 UTC, a boundary. */
export const START = 1_736_899_200;
/** A device is provisioned so many seconds before it. */
const BEFORE_SECONDS = 60;
const KEY_BYTES = 32;

export interface VirtualBedOptions {
  readonly program: Uint16Array;
  readonly seed?: number;
  readonly aggregators?: number;
  readonly threshold?: number;
  readonly pulsesPerKwh?: number;
  readonly checkpoint?: number;
  readonly slotSeconds?: number;
  readonly faults?: DeviceFaults;
  readonly isLost?: () => boolean;
  /** Translates nothing: for comparisons. */
  readonly interpretsOnly?: boolean;
}

export interface VirtualBed {
  readonly device: EmulatedDevice;
  readonly host: VirtualHost;
  readonly aggregators: readonly VirtualAggregator[];
  /** True Unix seconds. */
  readonly now: () => number;
  readonly polynomialKey: Uint8Array;
}

/** Uniform in [0, 1). */
export function seededRandom(seed: number): () => number {
  const stream = new RandomStream().enter([seed, 0], [1, 0], 0, PURPOSES.device);
  return () => stream.uniform();
}

/** Provisioned a minute before START, with its link down. */
export function virtualBed(options: VirtualBedOptions): VirtualBed {
  const { program, seed = 1, aggregators: n = 3, threshold = 2, pulsesPerKwh = 1_000, faults } = options;
  const { checkpoint = 64, slotSeconds = 900, isLost, interpretsOnly } = options;
  const random = seededRandom(seed);
  const newKey = (): Uint8Array => Uint8Array.from({ length: KEY_BYTES }, () => Math.floor(random() * 256));
  const meter = `m-${seed}`;
  const rootKeys = Array.from({ length: n }, newKey);
  let origin = 0;
  const now = (): number => START - BEFORE_SECONDS + (device.machine.now - origin) / device.cyclesPerSecond;
  const aggregators = rootKeys.map((rootKey, i) => new VirtualAggregator({ rootKey, meter, index: i + 1, now }));
  const host = new VirtualHost({ aggregators, ...(isLost === undefined ? {} : { isLost }) });
  const device: EmulatedDevice = new EmulatedDevice({ program, random, onData: host.take, faults, interpretsOnly });
  host.attach(device);
  const polynomialKey = newKey();
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
  return { device, host, aggregators, now, polynomialKey };
}
