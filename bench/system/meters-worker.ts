/**
 * The process of meters for benchmarks: real agents with their own keys and TLS connections over one durable outbox.
 * The same connections also carry the raw messages that the sealed ones are compared with.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../config/index.ts";
import { openMeterSecrets, openParty } from "../../config/keys/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import { announceReady } from "../../config/runtime/role-report.ts";
import { type AgentLink, agentSettings, MeterAgent, meterLastWill, Outbox } from "../../hardware/agent/index.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";
import { KINDS } from "../../protocol/units.ts";
import { FIRST_SLOT } from "./bench-system.ts";
import { Latencies } from "./latencies.ts";
import type { MetersCommand, MetersPlan, PacedResult, SealedResult } from "./meters-plan.ts";
import { publishRaw } from "./raw-load.ts";

const CONNECTING_AT_ONCE = 32;

interface Meter {
  readonly id: string;
  readonly link: Link;
  agent: MeterAgent;
  readonly rawTopics: readonly string[];
  /** Slots handed in and not settled, with the time at which each was. */
  readonly handedAt: Map<number, number>;
  nextSlot: number;
  queued: boolean;
}

const plan = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as MetersPlan;
const config = loadConfig({ file: plan.configFile, env: {} });
const outbox = new Outbox(openDatabase(join(plan.data, plan.name, "outbox.db"), { synchronous: "FULL" }));
const meters: Meter[] = [];
const byId = new Map<string, Meter>();
let settings = { ...agentSettings(config, config.system.threshold) };
let tally = newTally();
let onSettled: (meter: Meter) => void = () => undefined;

function newTally() {
  return {
    readings: 0,
    shareMessages: 0,
    shareBytes: 0,
    refused: 0,
    gaps: 0,
    lastSettledAt: 0,
    latency: new Latencies(),
    delivery: new Latencies(),
    send: new Latencies(),
  };
}

function agentOf(id: string, link: () => Link | undefined, timed: boolean): MeterAgent {
  const agentLink: AgentLink = {
    get connected() {
      return link()?.connected ?? false;
    },
    send: (topic, payload, options, done) => {
      const target = link();
      if (target === undefined) {
        done(new Error(`${id} is not connected`));
        return;
      }
      if (!timed) {
        target.send(topic, payload, options, done);
        return;
      }
      const sentAt = performance.now();
      target.send(topic, payload, options, (error) => {
        tally.send.add(performance.now() - sentAt);
        done(error);
      });
    },
  };
  return new MeterAgent({
    secrets: openMeterSecrets(join(plan.data, "keys", id)),
    settings,
    outbox,
    link: agentLink,
    randomBytes,
    monotonic: () => performance.now(),
    events: {
      settled: (_meter, _kind, firstSlot, count) => noteSettled(byId.get(id)!, firstSlot, count),
      sent: (_meter, _aggregator, _slots, bytes) => {
        tally.shareMessages++;
        tally.shareBytes += bytes;
      },
      refused: () => tally.refused++,
      gap: (_meter, gap) => {
        tally.gaps += gap.to - gap.from;
      },
    },
  });
}

function noteSettled(meter: Meter, firstSlot: number, count: number): void {
  const now = performance.now();
  tally.lastSettledAt = now;
  for (let slot = firstSlot; slot < firstSlot + count; slot++) {
    const at = meter.handedAt.get(slot);
    if (at === undefined) continue; // of an earlier agent, settled again
    meter.handedAt.delete(slot);
    tally.readings++;
    tally.latency.add(now - at);
    if (slot === firstSlot + count - 1) tally.delivery.add(now - at);
  }
  onSettled(meter);
}

async function connectMeter(id: string): Promise<void> {
  const handle: { link?: Link } = {};
  const agent = agentOf(id, () => handle.link, false);
  const party = openParty(join(plan.data, "keys", id));
  const meter = { id, agent, handedAt: new Map<number, number>(), nextSlot: FIRST_SLOT, queued: false };
  const link = await connectLink({
    party,
    host: config.broker.host,
    port: config.broker.tlsPort,
    will: meterLastWill(id),
    subscriptions: [filterOf("ack", { meter: id })],
    onMessage: (topic, payload) => byId.get(id)?.agent.onMessage(topic, payload),
    onConnect: (connected) => {
      handle.link = connected;
      byId.get(id)?.agent.onConnect();
    },
    settings: config.link,
    log: {
      info: () => undefined,
      warn: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
    },
  });
  const rawTopics = plan.rawTargets.map((target) => topicOf("share", { meter: id, agg: String(target) }));
  const whole: Meter = { ...meter, link, rawTopics };
  meters.push(whole);
  byId.set(id, whole);
  agent.onConnect();
}

/** New agents take up where the old ones ended: their slots and boots are in the outbox. */
function configure(batchSlots: number, maxSlotsPerMessage: number, timed: boolean): void {
  settings = { ...settings, batchSlots, maxSlotsPerMessage };
  for (const { agent } of meters) agent.tick(); // remembers what is settled
  outbox.flush();
  for (const meter of meters) {
    meter.agent = agentOf(meter.id, () => meter.link, timed);
    meter.agent.onConnect();
  }
}

function hand(meter: Meter, slots: number): void {
  const now = performance.now();
  const readings = Array.from({ length: slots }, (_, index) => (meter.nextSlot + index) % 997);
  for (let index = 0; index < slots; index++) meter.handedAt.set(meter.nextSlot + index, now);
  meter.agent.addReadings(KINDS.import, meter.nextSlot, readings);
  meter.nextSlot += slots;
}

function unsettled(): number {
  return meters.reduce((sum, { agent }) => sum + agent.unsettledSlots, 0);
}

/** Resolves when everything handed in is settled. */
async function drained(): Promise<void> {
  outbox.flush();
  for (const { agent } of meters) agent.flushBatches();
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (unsettled() === 0) resolve();
    };
    onSettled = check;
    check();
  });
  onSettled = () => undefined;
}

async function sealed(command: MetersCommand & { type: "sealed" }): Promise<SealedResult> {
  tally = newTally();
  const startedAt = performance.now();
  const until = startedAt + command.seconds * 1000;
  const waiting: Meter[] = [];
  let scheduled = false;
  const topUp = (): void => {
    scheduled = false;
    const now = performance.now();
    for (const meter of waiting.splice(0)) {
      meter.queued = false;
      while (now < until && meter.handedAt.size + command.slots <= command.window) hand(meter, command.slots);
    }
  };
  const queue = (meter: Meter): void => {
    if (meter.queued) return;
    meter.queued = true;
    waiting.push(meter);
    if (scheduled) return;
    scheduled = true;
    setImmediate(topUp);
  };
  onSettled = queue;
  for (const meter of meters) queue(meter);
  await new Promise((resolve) => setTimeout(resolve, command.seconds * 1000));
  await drained();
  const { readings, shareMessages, shareBytes, refused, gaps, latency } = tally;
  const seconds = (tally.lastSettledAt - startedAt) / 1000;
  return {
    type: "sealed",
    readings,
    shareMessages,
    shareBytes,
    seconds,
    latencyMs: latency.percentiles(),
    refused,
    gaps,
  };
}

async function paced(command: MetersCommand & { type: "paced" }): Promise<PacedResult> {
  const { seconds, intervalSeconds } = command;
  tally = newTally();
  const startedAt = performance.now();
  const rounds = Math.max(1, Math.round(seconds / intervalSeconds));
  const some = meters.slice(0, command.meters);
  for (let round = 0; round < rounds; round++) {
    // Meters do not read in step: each has its place in the interval.
    for (const [index, meter] of some.entries()) {
      const due = startedAt + 1000 * intervalSeconds * (round + index / some.length);
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      hand(meter, 1);
    }
  }
  await drained();
  const { readings, shareMessages, shareBytes, refused, gaps, latency, delivery, send } = tally;
  return {
    type: "paced",
    readings,
    shareMessages,
    shareBytes,
    seconds: (tally.lastSettledAt - startedAt) / 1000,
    latencyMs: latency.percentiles(),
    deliveryMs: delivery.percentiles(),
    sendMs: send.percentiles(),
    refused,
    gaps,
  };
}

async function obey(command: MetersCommand): Promise<unknown> {
  if (command.type === "sealed") return sealed(command);
  if (command.type === "raw") return publishRaw(meters, command);
  if (command.type === "paced") return paced(command);
  configure(command.batchSlots, command.maxSlotsPerMessage, command.timed);
  return { type: "configured" };
}

const connectingFrom = performance.now();
const waiting = [...plan.meters];
const connectSome = async (): Promise<void> => {
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) await connectMeter(id);
};
await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, connectSome));
const connectSeconds = (performance.now() - connectingFrom) / 1000;
meters.sort((a, b) => (a.id < b.id ? -1 : 1));
const timer = setInterval(() => {
  for (const { agent } of meters) agent.tick();
}, config.meter.resendSeconds * 500);
process.on("message", (command: MetersCommand) => {
  void obey(command).then((answer) => process.send?.(answer as object));
});
process.once("SIGTERM", () => {
  clearInterval(timer);
  outbox.flush();
  void Promise.all(meters.map(({ link }) => link.close())).then(() => process.exit(0));
});
announceReady({ connectSeconds });
