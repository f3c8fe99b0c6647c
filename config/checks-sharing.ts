/** What sharing bits asks of the rest of the configuration. */
import { bitEntryBytes } from "../protocol/range/bit-entries.ts";
import { TOPICS } from "../protocol/topics.ts";
import { type Check, unless } from "./check.ts";

/** Header, nonce and seal around the entries, with room to spare. */
const HEAD_BYTES = 64;

const isOn = (bits: Readonly<Record<string, number | undefined>>): boolean => widest(bits) > 0;
const widest = (bits: Readonly<Record<string, number | undefined>>): number =>
  Math.max(0, ...Object.values(bits).map((one) => one ?? 0));

export const SHARING_CHECKS: readonly Check[] = [
  {
    fields: ["sharing.bits", "system.aggregators", "system.threshold"],
    rule: "Bits are shared only where 2 t - 1 aggregators, which every proof needs, are there",
    fault: ({ sharing: { bits }, system: { aggregators: n, threshold: t } }) =>
      unless(
        !isOn(bits) || 2 * t - 1 <= n,
        `a proof about bits needs ${2 * t - 1} aggregators with threshold ${t}, and there are ${n}`,
      ),
  },
  {
    fields: ["sharing.bits", "meter.maxIntervalWh"],
    rule: "What one slot may hold has enough bits",
    fault: ({ sharing: { bits }, meter: { maxIntervalWh } }) => {
      const narrow = (["import", "export"] as const).find((kind) => 2 ** (bits[kind] ?? 53) <= maxIntervalWh);
      return narrow === undefined
        ? undefined
        : `${bits[narrow]} bits of ${narrow} hold at most ${2 ** bits[narrow]! - 1} Wh, and a slot may hold ${maxIntervalWh} Wh`;
    },
  },
  {
    fields: ["sharing.bits", "meter.maxSlotsPerMessage"],
    rule: "A share message with bits fits its topic",
    fault: ({ sharing: { bits }, meter: { maxSlotsPerMessage } }) => {
      if (!isOn(bits)) return undefined;
      const bytes = maxSlotsPerMessage * bitEntryBytes(widest(bits)) + HEAD_BYTES;
      return unless(
        bytes <= TOPICS.share.maxBytes,
        `${maxSlotsPerMessage} slots of ${widest(bits)} bits take ${bytes} B, and a share message at most ${TOPICS.share.maxBytes} B`,
      );
    },
  },
  {
    fields: ["sharing.bits", "simulation.emulated"],
    rule: "Emulated devices share whole readings: the firmware splits no bits",
    fault: ({ sharing: { bits }, simulation: { emulated } }) =>
      unless(emulated === 0 || !isOn(bits), "the firmware shares whole readings, which aggregators would refuse"),
  },
  {
    fields: ["sharing.bits", "gateway.ports"],
    rule: "Devices behind a gateway that share by themselves share whole readings",
    fault: ({ sharing: { bits }, gateway: { ports } }) => {
      const device = ports.find(({ kind }) => kind === "wattveil");
      return unless(
        device === undefined || !isOn(bits),
        `the device of ${device?.meter ?? ""} shares whole readings, which aggregators would refuse`,
      );
    },
  },
];
