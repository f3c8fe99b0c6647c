/**
 * What several fields must agree on. Each check names the fields it reads, so that a fault is reported under all of
 * them and a check is skipped where one of its fields is wrong by itself.
 */
import { CHUNK_BYTES } from "../protocol/topics.ts";
import { type Check, unless } from "./check.ts";
import { GRID_CHECKS } from "./checks-grid.ts";
import { LEARNING_CHECKS } from "./checks-learning.ts";
import { LOG_CHECKS } from "./checks-log.ts";
import { API_CHECKS } from "./checks-api.ts";
import { CKKS_CHECKS } from "./checks-ckks.ts";
import { SHARING_CHECKS } from "./checks-sharing.ts";
import { GATEWAY_CHECKS } from "./checks-gateway.ts";
import { STORAGE_CHECKS } from "./checks-storage.ts";

/** The smallest quorum: two groups of it always share a member, and it can open what it endorses. */
export function smallestQuorum(aggregators: number, threshold: number): number {
  return Math.max(Math.floor(aggregators / 2) + 1, threshold);
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** A chunk's payload, its topic and the packet's own bytes. */
const CHUNK_PACKET_BYTES = CHUNK_BYTES + 2_048;

export const CHECKS: readonly Check[] = [
  {
    fields: ["system.threshold", "system.aggregators"],
    rule: "The threshold does not exceed the number of aggregators",
    fault: ({ system: { threshold: t, aggregators: n } }) =>
      unless(t <= n, `the threshold (${t}) cannot exceed the number of aggregators (${n})`),
  },
  {
    fields: ["system.quorum", "system.aggregators", "system.threshold"],
    rule: "The quorum is a majority of the aggregators, at least the threshold, and at most all of them",
    fault: ({ system: { quorum: q, aggregators: n, threshold: t } }) => {
      const least = smallestQuorum(n, t);
      if (q === 0 || t > n || (q >= least && q <= n)) return undefined;
      return `with ${n} aggregators and threshold ${t} it must be ${least} to ${n}, or 0 for ${least}; got ${q}`;
    },
  },
  {
    fields: ["system.slotSeconds"],
    rule: "A slot divides a day",
    fault: ({ system: { slotSeconds } }) =>
      unless(86_400 % slotSeconds === 0, `${slotSeconds} s does not divide a day (86400 s)`),
  },
  {
    fields: ["system.timezone"],
    rule: "The time zone is known",
    fault: ({ system: { timezone } }) => unless(isTimezone(timezone), `"${timezone}" is no known time zone`),
  },
  {
    fields: ["system.production", "simulation.enabled"],
    rule: "A production system is no simulation",
    fault: ({ system: { production }, simulation: { enabled } }) =>
      unless(!production || !enabled, "a production system never runs on simulated time"),
  },
  {
    fields: ["system.production", "release.minMeters"],
    rule: "A production system keeps `minMeters` at 5 or more",
    fault: ({ system: { production }, release: { minMeters } }) =>
      unless(!production || minMeters >= 5, `a production system releases loads of 5 meters or more, not ${minMeters}`),
  },
  {
    fields: ["system.production", "release.minSlots"],
    rule: "A production system keeps `minSlots` at 96 or more",
    fault: ({ system: { production }, release: { minSlots } }) =>
      unless(!production || minSlots >= 96, `a production system releases 96 slots or more, not ${minSlots}`),
  },
  {
    fields: ["broker.tlsPort", "broker.wssPort", "broker.publicPort"],
    rule: "The ports differ",
    fault: ({ broker: { tlsPort, wssPort, publicPort } }) => {
      const ports = [tlsPort, wssPort, publicPort].filter((number) => number !== 0);
      return unless(new Set(ports).size === ports.length, `the ports must differ: ${ports.join(", ")}`);
    },
  },
  {
    fields: ["broker.kind", "broker.otherNodes", "broker.bulkPort", "broker.deliveryQos"],
    rule: "Only an external broker has other nodes, a port of its own for second connections, or delivers by QoS 0",
    fault: ({ broker: { kind, otherNodes, bulkPort, deliveryQos } }) =>
      unless(
        kind === "external" || (otherNodes.length === 0 && bulkPort === 0 && deliveryQos === 1),
        "the embedded broker is one node with one port for meters, and delivers by QoS 1; other nodes, bulkPort and " +
          "deliveryQos need `kind: external`",
      ),
  },
  {
    fields: ["broker.maxPacketBytes"],
    rule: "A packet has room for a chunk between servers",
    fault: ({ broker: { maxPacketBytes } }) =>
      unless(maxPacketBytes >= CHUNK_PACKET_BYTES, `a chunk between servers needs ${CHUNK_PACKET_BYTES} bytes`),
  },
  {
    fields: ["broker.connectBytes", "broker.maxPacketBytes"],
    rule: "A CONNECT fits a packet",
    fault: ({ broker: { connectBytes, maxPacketBytes } }) =>
      unless(connectBytes <= maxPacketBytes, `a CONNECT (${connectBytes} B) cannot exceed ${maxPacketBytes} B`),
  },
  {
    fields: ["link.retryMinSeconds", "link.retryMaxSeconds"],
    rule: "The first wait before reconnecting does not exceed the longest",
    fault: ({ link: { retryMinSeconds, retryMaxSeconds } }) =>
      unless(retryMinSeconds <= retryMaxSeconds, `the first wait (${retryMinSeconds} s) exceeds the longest`),
  },
  {
    fields: ["link.keepaliveSeconds", "broker.idleSeconds"],
    rule: "A party pings before the broker calls it idle",
    fault: ({ link: { keepaliveSeconds }, broker: { idleSeconds } }) =>
      unless(keepaliveSeconds < idleSeconds, `the broker cuts off (${idleSeconds} s) before a party pings`),
  },
  {
    fields: ["meter.maxSlotsPerMessage", "meter.outboxSlots"],
    rule: "A share message holds no more slots than the outbox",
    fault: ({ meter: { maxSlotsPerMessage, outboxSlots } }) =>
      unless(maxSlotsPerMessage <= outboxSlots, `a message of ${maxSlotsPerMessage} slots exceeds the outbox`),
  },
  {
    fields: ["meter.batchSlots", "meter.maxSlotsPerMessage"],
    rule: "A batch fits one share message",
    fault: ({ meter: { batchSlots, maxSlotsPerMessage } }) =>
      unless(batchSlots <= maxSlotsPerMessage, `a batch of ${batchSlots} slots does not fit ${maxSlotsPerMessage}`),
  },
  {
    fields: ["meter.maxIntervalWh", "meter.registerModulus"],
    rule: "One slot holds less energy than a whole turn of the register",
    fault: ({ meter: { maxIntervalWh, registerModulus } }) =>
      unless(maxIntervalWh < registerModulus, "one slot cannot hold a whole turn of the register"),
  },
  {
    fields: ["meter.historyDays", "meter.outboxSlots", "system.slotSeconds"],
    rule: "The history covers the outbox",
    fault: ({ meter: { historyDays, outboxSlots }, system: { slotSeconds } }) =>
      unless(
        historyDays * 86_400 >= outboxSlots * slotSeconds,
        `${historyDays} days of history do not cover an outbox of ${outboxSlots} slots`,
      ),
  },
  {
    fields: ["aggregator.windowSlots", "meter.outboxSlots"],
    rule: "The window accepts whatever an outbox may still hold",
    fault: ({ aggregator: { windowSlots }, meter: { outboxSlots } }) =>
      unless(
        windowSlots >= outboxSlots,
        `a window of ${windowSlots} slots refuses what an outbox of ${outboxSlots} holds`,
      ),
  },
  {
    fields: ["aggregator.shareDays", "aggregator.windowSlots", "system.slotSeconds"],
    rule: "Shares stay for longer than they are taken in",
    fault: ({ aggregator: { shareDays, windowSlots }, system: { slotSeconds } }) =>
      unless(
        shareDays === 0 || shareDays * 86_400 > 2 * windowSlots * slotSeconds,
        `${shareDays} days are less than twice a window of ${windowSlots} slots`,
      ),
  },
  {
    fields: ["aggregator.dirtyBlocks", "aggregator.cacheBlocks"],
    rule: "Blocks with changes fit into the cache",
    fault: ({ aggregator: { dirtyBlocks, cacheBlocks } }) =>
      unless(dirtyBlocks <= cacheBlocks, `${dirtyBlocks} changed blocks do not fit into a cache of ${cacheBlocks}`),
  },
  {
    fields: ["billing.period", "release.minSlots", "system.slotSeconds"],
    rule: "A bill covers at least the slots that may be released at once",
    fault: ({ billing: { period }, release: { minSlots }, system: { slotSeconds } }) => {
      const days = { day: 1, month: 28, whole: Number.POSITIVE_INFINITY }[period];
      const slots = (days * 86_400) / slotSeconds;
      return unless(slots >= minSlots, `a ${period} of ${slots} slots can never be released with at least ${minSlots}`);
    },
  },
  {
    fields: ["simulation.feeders", "simulation.meters"],
    rule: "Each feeder has a meter",
    fault: ({ simulation: { feeders, meters } }) =>
      unless(feeders <= meters, `${feeders} feeders cannot each have one of ${meters} meters`),
  },
  {
    fields: ["simulation.emulated", "system.aggregators", "system.threshold", "system.slotSeconds"],
    rule: "Emulated devices have room for 5 aggregators, a threshold of 3 and slots of 60 to 3600 s",
    fault: ({ simulation: { emulated }, system: { aggregators: n, threshold: t, slotSeconds } }) =>
      unless(
        emulated === 0 || (n <= 5 && t <= 3 && slotSeconds >= 60 && slotSeconds <= 3_600),
        `emulated devices take at most 5 aggregators, threshold 3 and slots of 60 to 3600 s, got ${n}, ${t} and ${slotSeconds} s`,
      ),
  },
  {
    fields: ["simulation.emulated", "simulation.brownOutsPerYear", "simulation.rebootsPerYear"],
    rule: "Emulated devices keep their supply: what a pulse counter loses with it is nobody's truth",
    fault: ({ simulation: { emulated, brownOutsPerYear, rebootsPerYear } }) =>
      unless(
        emulated === 0 || brownOutsPerYear + rebootsPerYear === 0,
        "emulated devices do not go with failures of the supply (their tests cut it)",
      ),
  },
  {
    fields: ["balance.blockMinutes", "system.slotSeconds"],
    rule: "Balances are judged over whole slots, and a day holds a whole number of such times",
    fault: ({ balance: { blockMinutes }, system: { slotSeconds } }) =>
      unless(
        (blockMinutes * 60) % slotSeconds === 0 && 1_440 % blockMinutes === 0,
        `${blockMinutes} min must be a multiple of a slot of ${slotSeconds} s, and divide a day`,
      ),
  },
  {
    fields: ["simulation.theft", "simulation.heads"],
    rule: "Theft is simulated where it can be seen",
    fault: ({ simulation: { theft, heads } }) =>
      unless(
        theft === "" || heads,
        "theft shows at the heads of feeders, and there are none: add simulation.heads (--heads)",
      ),
  },
  ...API_CHECKS,
  ...CKKS_CHECKS,
  ...GATEWAY_CHECKS,
  ...GRID_CHECKS,
  ...LEARNING_CHECKS,
  ...LOG_CHECKS,
  ...SHARING_CHECKS,
  ...STORAGE_CHECKS,
];
