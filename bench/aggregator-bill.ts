/**
 * How long one aggregator takes for a month of bills once the shares are stored: manifest, release rules and
 * endorsement, sums. Loads of every slot have been
 * released before.
 */
import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { VectorRounds } from "../aggregator/learning/vector-rounds.ts";
import { VectorStore } from "../aggregator/learning/vector-store.ts";
import { ReleaseStore } from "../aggregator/release/release-store.ts";
import { RoundDesk } from "../aggregator/rounds/desk.ts";
import { Holdings } from "../aggregator/rounds/holdings.ts";
import { MIGRATIONS } from "../aggregator/store/schema.ts";
import { configSchema } from "../config/schema.ts";
import { ShareStore } from "../aggregator/store/share-store.ts";
import { migrate, openDatabase, type SqliteDatabase } from "../config/runtime/database.ts";
import { emptyBitmap, fullBitmap } from "../protocol/bitmap.ts";
import { encodeCbor } from "../protocol/cbor.ts";

export interface BillBenchOptions {
  readonly meters: number;
  readonly slots: number;
  /** Feeder loads of all slots were released before. */
  readonly loads: boolean;
  /** As after a restart: nothing of the month is in memory. */
  readonly cold: boolean;
}

export interface BillBenchResult {
  readonly meters: number;
  readonly slots: number;
  readonly manifestSeconds: number;
  readonly endorseSeconds: number;
  readonly sumsSeconds: number;
  readonly totalSeconds: number;
  /** Of one core, for all three; unlike the times above it does not grow when others use the machine. */
  readonly cpuSeconds: number;
}

const DEFAULTS: BillBenchOptions = { meters: 1000, slots: 2976, loads: true, cold: false };
const FIRST_SLOT = 1_900_032;

export async function run(options: Partial<BillBenchOptions> = {}): Promise<BillBenchResult> {
  const { meters, slots, loads, cold } = { ...DEFAULTS, ...options };
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-bill-"));
  const db = openDatabase(path.join(folder, "aggregator.db"), { synchronous: "FULL" });
  try {
    migrate(db, MIGRATIONS);
    const filled = fill(db, meters, slots);
    if (loads) fillLoads(db, meters, slots);
    return await bill(db, cold ? openStore(db) : filled, meters, slots);
  } finally {
    db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function openStore(db: SqliteDatabase): ShareStore {
  return new ShareStore(db, configSchema.parse({}).aggregator);
}

function fill(db: SqliteDatabase, meters: number, slots: number): ShareStore {
  const store = openStore(db);
  const insert = db.prepare("INSERT INTO meters (id) VALUES (?)");
  const entries = Buffer.alloc(96 * 16);
  for (let meter = 1; meter <= meters; meter++) {
    insert.run(meterName(meter - 1));
    for (let slot = 0; slot < slots; slot += 96) {
      for (let i = 0; i < 96; i++) {
        entries.writeUInt32BE((meter * 2654435761 + i) >>> 4, 16 * i);
        entries.writeUInt32BE(slot + i, 16 * i + 12);
      }
      const count = Math.min(96, slots - slot);
      store.put(meter, 1, FIRST_SLOT + slot, entries.subarray(0, count * 16), 0, () => {});
    }
    if (meter % 20 === 0 || meter === meters) {
      db.transaction(() => store.writePending())();
      store.committed();
    }
  }
  store.pack();
  return store;
}

function fillLoads(db: SqliteDatabase, meters: number, slots: number): void {
  const store = new ReleaseStore(db);
  const numbers = Array.from({ length: meters }, (_, i) => i + 1);
  store.transaction(() => {
    for (let slot = 0; slot < slots; slot++) store.addLoad("f-1", 1, FIRST_SLOT + slot, Buffer.alloc(32, 1), numbers);
  });
}

function meterName(index: number): string {
  return `m-${String(index + 1).padStart(5, "0")}`;
}

async function bill(db: SqliteDatabase, shares: ShareStore, meters: number, slots: number): Promise<BillBenchResult> {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const names = Array.from({ length: meters }, (_, i) => meterName(i));
  const numbers = new Map(names.map((name, i) => [name, i + 1]));
  const members = {
    numberOf: (meter: string) => numbers.get(meter),
    slotsOn: (_: string, __: string, from: number, to: number) => fullBitmap(to - from),
    isHead: () => false,
    roster: () => names,
  };
  const store = new ReleaseStore(db);
  const lost = { before: 0 };
  const desk = new RoundDesk({
    index: 1,
    signer: { id: "a-1", signKey: privateKey },
    directory: { q: 1, servers: new Map([["a-1", { role: "aggregator", signKey: publicKey }]]) },
    rules: { store, members, gaps: { missingUpTo: () => 0 }, lost, exports: () => false, minMeters: 5, minSlots: 96 },
    holdings: new Holdings(shares, members),
    vectors: new VectorRounds({
      store: new VectorStore(db, configSchema.parse({}).aggregator),
      members: { numberOf: () => undefined, feederOver: () => undefined },
      ...{ slotSeconds: 900, now: () => 0, minMeters: 5, lost },
    }),
    askAgain: () => {},
    pause: async () => {},
  });
  const question = {
    purpose: "billing" as const,
    feeder: "f-1",
    meters: names,
    segments: [[FIRST_SLOT, FIRST_SLOT + slots] as [number, number]],
    kinds: [1],
  };
  const cpu = process.cpuUsage();
  const start = performance.now();
  const manifest = await desk.handle({ type: "open", round: "r", ...question });
  const opened = performance.now();
  if (manifest?.type !== "manifest") throw new Error("no manifest");
  const content = encodeCbor({
    ...question,
    schemes: [{ bands: bandsOf(slots) }],
    assignment: names.map(() => 0),
    units: manifest.units,
  });
  const prepared = performance.now();
  const endorse = await desk.handle({ type: "set", round: "r", content });
  const endorsed = performance.now();
  if (endorse?.type !== "endorse") throw new Error("not endorsed");
  const setId = Uint8Array.from(createHash("sha256").update(content).digest());
  const endorsements = [Uint8Array.from(endorse.endorsement)];
  const asked = performance.now();
  const sums = await desk.handle({ type: "endorsed", round: "r", setId, endorsements });
  const summed = performance.now();
  if (sums?.type !== "sums" || sums.values.length !== 8 * 2 * meters) throw new Error("sums are missing");
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (from: number, to: number): number => (to - from) / 1000;
  const parts = {
    manifestSeconds: seconds(start, opened),
    endorseSeconds: seconds(prepared, endorsed),
    sumsSeconds: seconds(asked, summed),
  };
  const totalSeconds = parts.manifestSeconds + parts.endorseSeconds + parts.sumsSeconds;
  return { meters, slots, ...parts, totalSeconds, cpuSeconds: (user + system) / 1e6 };
}

/** Day and night, as masks over the slots. */
function bandsOf(slots: number) {
  const night = emptyBitmap(slots);
  for (let slot = 0; slot < slots; slot++) if (slot % 96 < 24) night[slot >>> 3]! |= 1 << (slot & 7);
  const day = fullBitmap(slots).map((byte, i) => byte & ~night[i]!);
  return [
    { name: "day", kind: 1, masks: [day] },
    { name: "night", kind: 1, masks: [night] },
  ];
}
