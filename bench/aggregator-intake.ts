/**
 * How many share messages per second one aggregator process opens, checks and commits, and what of a core that takes.
 * Everything but MQTT and TLS is real: sealed messages, SQLite in a temporary folder with synchronous = FULL, acks.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Intake } from "../aggregator/intake/intake.ts";
import { MeterChannel } from "../aggregator/intake/meter-channel.ts";
import { MeterTable } from "../aggregator/intake/meter-table.ts";
import { VectorStore } from "../aggregator/learning/vector-store.ts";
import { DigestStore } from "../aggregator/openings/digest-store.ts";
import { ReleaseStore } from "../aggregator/release/release-store.ts";
import { MIGRATIONS } from "../aggregator/store/schema.ts";
import { configSchema } from "../config/schema.ts";
import { ShareStore } from "../aggregator/store/share-store.ts";
import type { SqlDatabase } from "../config/runtime/sql.ts";
import { migrateStore, openStore } from "../config/runtime/store.ts";
import { createShareSealer } from "../protocol/envelope/share.ts";

export interface IntakeBenchOptions {
  readonly meters: number;
  readonly messages: number;
  readonly slotsPerMessage: number;
  /** Messages between two commits: what 20 ms bring at the rate in question. */
  readonly commitMessages: number;
  /** Where the store is, if not in a file. */
  readonly place?: string;
  /** As one of several workers, which write blocks at once and keep no journal. */
  readonly asWorker?: boolean;
}

export interface IntakeBenchResult {
  readonly messages: number;
  readonly slots: number;
  readonly acks: number;
  readonly wallSeconds: number;
  readonly messagesPerSecond: number;
  readonly cpuMicrosecondsPerMessage: number;
  /** Of one core, at 15,000 messages per second. */
  readonly coreShareAt15000: number;
}

const DEFAULTS: IntakeBenchOptions = { meters: 200, messages: 60_000, slotsPerMessage: 1, commitMessages: 300 };

export function run(options: Partial<IntakeBenchOptions> = {}): IntakeBenchResult {
  const { meters, messages, slotsPerMessage, commitMessages, place, asWorker = false } = { ...DEFAULTS, ...options };
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-intake-"));
  const db = openStore(place ?? path.join(folder, "aggregator.db"), {
    synchronous: "FULL",
    ...(asWorker && { several: { name: "worker 1", silentSeconds: 60 } }),
  });
  try {
    const firstSlot = 1_900_000;
    let acks = 0;
    const until = firstSlot + messages * slotsPerMessage;
    const { intake, table } = openIntake(db, { until, commitMessages, asWorker, onAck: () => acks++ });
    const sealed = prepare(intake, table, { meters, messages, slotsPerMessage, firstSlot });
    const cpu = process.cpuUsage();
    const start = performance.now();
    for (const { meter, payload } of sealed) intake.handleShare(meter, payload);
    intake.close();
    const wallSeconds = (performance.now() - start) / 1000;
    const used = process.cpuUsage(cpu);
    const cpuMicrosecondsPerMessage = (used.user + used.system) / messages;
    return {
      messages,
      slots: intake.counters.slotsStored,
      acks,
      wallSeconds,
      messagesPerSecond: messages / wallSeconds,
      cpuMicrosecondsPerMessage,
      coreShareAt15000: (cpuMicrosecondsPerMessage * 15_000) / 1e6,
    };
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export interface OpenIntakeOptions {
  /** The slot that has just ended: later ones are refused. */
  readonly until: number;
  readonly commitMessages: number;
  readonly onAck: () => void;
  readonly asWorker?: boolean;
}

/** An intake as an aggregator has it, without MQTT; what it would refuse ends the benchmark. */
export function openIntake(db: SqlDatabase, { until, commitMessages, onAck, asWorker = false }: OpenIntakeOptions) {
  migrateStore(db, MIGRATIONS);
  const table = new MeterTable(db);
  const store = new ShareStore(db, configSchema.parse({}).aggregator, asWorker ? () => true : undefined);
  const intake = new Intake({
    db,
    store,
    digests: new DigestStore(db),
    vectors: new VectorStore(db, configSchema.parse({}).aggregator),
    loads: new ReleaseStore(db),
    meters: table,
    now: () => until * 900,
    wallTime: () => 0,
    slotSeconds: 900,
    windowSlots: 10_000_000,
    futureSlots: 1,
    bits: {},
    commitMessages,
    scheduleCommit: () => {},
    send: onAck,
    refuse: (code) => {
      throw new Error(`refused: ${code}`);
    },
  });
  return { intake, table, store };
}

/** Makes one meter known; returns what seals its shares. */
export function addSender(intake: Intake, table: MeterTable, meter: string, key: Uint8Array) {
  const channel = new MeterChannel(table.register(meter), 1, [{ version: 1, key, trying: false }]);
  channel.places = [{ feeder: "f-1", from: 0, to: null }];
  intake.addChannel(channel);
  return createShareSealer(key, meter, 1);
}

interface Workload {
  readonly meters: number;
  readonly messages: number;
  readonly slotsPerMessage: number;
  readonly firstSlot: number;
}

function prepare(intake: Intake, table: MeterTable, workload: Workload): { meter: string; payload: Uint8Array }[] {
  const { meters, messages, slotsPerMessage, firstSlot } = workload;
  const senders = Array.from({ length: meters }, (_, index) => {
    const meter = `m-${String(index + 1).padStart(4, "0")}`;
    return { meter, sealer: addSender(intake, table, meter, new Uint8Array(32).fill(index + 1)) };
  });
  const entries = new Uint8Array(16 * slotsPerMessage).fill(7);
  return Array.from({ length: messages }, (_, counter) => {
    const { meter, sealer } = senders[counter % meters]!;
    const slot = firstSlot + Math.floor(counter / meters) * slotsPerMessage;
    return { meter, payload: sealer.seal(1, slot, { boot: 1, counter }, entries) };
  });
}
