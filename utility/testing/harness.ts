/** A round desk over a real database in a temporary folder, with aggregators in memory and time in the test's hands. */
import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { SimulatedClock } from "../../config/runtime/clock.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { decodeEntry, type EntryContent, originOf } from "../../protocol/log/index.ts";
import type { MembershipRecord } from "../../protocol/messages/enrolment.ts";
import type { RoundAnswer, RoundRequest } from "../../protocol/messages/round.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import { loadConfig } from "../../config/index.ts";
import { balanceSettings } from "../balance/settings.ts";
import { TariffBook } from "../bills/tariff-book.ts";
import { Ledger } from "../ledger/ledger.ts";
import { verifyAll } from "../ledger/verify-command.ts";
import { sameBytes } from "../rounds/agree.ts";
import type { Detection } from "../rounds/detections.ts";
import { RoundDesk } from "../rounds/desk.ts";
import type { RoundRecord } from "../rounds/record.ts";
import type { Utility } from "../settings.ts";
import { testPlace } from "../../config/runtime/testing/store-place.ts";
import { openUtilityDatabase } from "../store/open.ts";
import { parseTariffYaml } from "../../billing/tariffs/index.ts";
import type { Cell } from "./cell.ts";
import { FakeAggregator } from "./fake-aggregators.ts";

export const SLOT_SECONDS = 900;
/** 2025-01-15 00:00 in Berlin. */
export const DAY = 1_736_895_600 / SLOT_SECONDS;

export const TARIFF = `id: test
currency: EUR
timezone: Europe/Berlin
versions:
  - from: 2025-01-01
    import:
      bands:
        - name: peak
          priceMicroPerKwh: 400000
          when: [{ from: "08:00", to: "20:00" }]
        - name: off-peak
          priceMicroPerKwh: 200000
          when: [{ from: "20:00", to: "08:00" }]
    export: { priceMicroPerKwh: 80000 }
    standingMicroPerDay: 300000
    tax: { rate: "0.19" }
`;

export interface HarnessOptions {
  readonly aggregators?: number;
  readonly threshold?: number;
  readonly quorum?: number;
  readonly meters?: number;
  readonly minMeters?: number;
  readonly minSlots?: number;
  readonly loadEverySlots?: number;
  /** By how many bits imports are shared; 0: as a whole. */
  readonly bits?: number;
  /** YAML of the tariff of every meter. */
  readonly tariff?: string;
  /** Key of the utility; a fresh one by default. */
  readonly signKey?: KeyObject;
  readonly places?: (meter: string) => MembershipRecord["places"];
  /** Feeder f-1 has a meter at its head, called `head`. */
  readonly head?: boolean;
  /** Answers in place of the fakes. */
  readonly real?: RealAggregators | undefined;
}

export interface RealAggregators {
  /** The answer of an aggregator, by its index. */
  answer(index: number, request: RoundRequest): Promise<RoundAnswer | undefined>;
  /** Throws for what is no endorsement. */
  verifyEndorsement(endorsement: Uint8Array, aggregator: number, setId: Uint8Array): void;
}

/** A meter's name. */
function meterName(index: number): string {
  return `m-${String(index + 1).padStart(3, "0")}`;
}

export class Harness {
  readonly folder: string;
  readonly options: Required<Omit<HarnessOptions, "signKey">>;
  readonly aggregators: FakeAggregator[];
  readonly clock = new SimulatedClock(0);
  readonly notified: RoundRecord[] = [];
  readonly refused: string[] = [];
  /** The log's key, the same for each process. */
  readonly signKey: KeyObject;
  readonly detected: Detection[] = [];
  realNow = 0;
  /** Called before each request is sent. */
  beforeSend: (request: RoundRequest) => void = () => {};
  /** Nothing leaves or reaches the process any more. */
  dead = false;
  utility!: Utility;
  desk!: RoundDesk;
  #mail: Promise<void>[] = [];

  constructor(folder: string, options: HarnessOptions) {
    this.folder = folder;
    this.options = {
      aggregators: 3,
      threshold: 2,
      quorum: 2,
      meters: 6,
      minMeters: 5,
      minSlots: 12,
      loadEverySlots: 24,
      bits: 0,
      tariff: TARIFF,
      places: () => [{ feeder: "f-1", from: 0, to: null }],
      head: false,
      real: undefined,
      ...options,
    };
    this.signKey = options.signKey ?? generateKeyPairSync("ed25519").privateKey;
    this.aggregators = Array.from(
      { length: this.options.aggregators },
      (_, i) => new FakeAggregator(i + 1, this.options.threshold),
    );
  }

  static async make(t: TestContext, options: HarnessOptions = {}): Promise<Harness> {
    const folder = await mkdtemp(path.join(tmpdir(), "utility-"));
    const harness = new Harness(folder, options);
    for (const aggregator of harness.aggregators) aggregator.bits = harness.options.bits;
    await harness.open();
    t.after(async () => {
      await harness.close();
      await rm(folder, { recursive: true, force: true });
    });
    return harness;
  }

  get meters(): string[] {
    return Array.from({ length: this.options.meters }, (_, i) => meterName(i));
  }

  /** A new process over the same database. */
  async open(): Promise<void> {
    const { options } = this;
    const yaml = options.tariff;
    const id = createHash("sha256").update(yaml).digest("hex").slice(0, 32);
    const book = new TariffBook({ id, file: "test.yaml", yaml, tariff: parseTariffYaml(yaml) });
    const records = new Map(
      this.meters.map((meter): [string, MembershipRecord] => [
        meter,
        { meter, serial: 1, keyVersion: 1, places: options.places(meter) },
      ]),
    );
    if (options.head) {
      const places = [{ feeder: "f-1", from: 0, to: null }];
      records.set("head", { meter: "head", serial: 1, keyVersion: 1, places, role: "head" });
    }
    const placed = (feeder: string, { from, to }: SlotRange, role?: "head"): string[] =>
      [...records.values()]
        .filter((record) => record.role === role)
        .filter(({ places }) =>
          places.some((place) => place.feeder === feeder && place.from < to && (place.to ?? to) > from),
        )
        .map(({ meter }) => meter);
    this.utility = {
      db: await openUtilityDatabase(testPlace(path.join(this.folder, "utility.db"))),
      clock: this.clock,
      ledger: new Ledger({ signer: { name: originOf(this.signKey), signKey: this.signKey } }),
      book,
      roll: {
        meters: () => [...records.keys()],
        record: (meter) => records.get(meter),
        feeders: () =>
          [...new Set([...records.values()].flatMap(({ places }) => places.map(({ feeder }) => feeder)))].sort(),
        members: (feeder, range) => placed(feeder, range),
        heads: (feeder, range) => placed(feeder, range, "head"),
        isHead: (meter) => records.get(meter)?.role === "head",
      },
      balance: balanceSettings(loadConfig({ env: {} }), SLOT_SECONDS),
      slotSeconds: SLOT_SECONDS,
      timezone: "Europe/Berlin",
      currency: "EUR",
      minMeters: options.minMeters,
      minSlots: options.minSlots,
      loadEverySlots: options.loadEverySlots,
      loadGraceSlots: 1,
      billingGraceSlots: 2,
      windowSlots: 2976,
      periodKind: "day",
      whole: undefined,
      origin: DAY,
    };
    this.desk = new RoundDesk(
      this.utility,
      {
        aggregators: this.aggregators.map(({ index }) => index),
        threshold: options.threshold,
        quorum: options.quorum,
        retrySeconds: 1,
        answerSeconds: 5,
        bits: options.bits === 0 ? {} : { import: options.bits },
        maxOpenRounds: 8,
      },
      {
        now: () => this.realNow,
        send: (_round, aggregator, request) => {
          this.beforeSend(request);
          if (!this.dead) this.#mail.push(this.#deliver(aggregator, request));
        },
        mayAnswer: (aggregator) => this.aggregators[aggregator - 1]?.down === false,
        verifyEndorsement: (endorsement, aggregator, setId) => {
          if (options.real !== undefined) {
            options.real.verifyEndorsement(endorsement, aggregator, setId);
            return;
          }
          const content = decodeCbor(endorsement) as { aggregator: number; setId: Uint8Array };
          if (content.aggregator !== aggregator || !sameBytes(content.setId, setId)) throw new Error("not of this set");
        },
        refuse: (code) => this.refused.push(code),
        notify: (record) => this.notified.push(record),
        detected: (_record, detection) => this.detected.push(detection),
        settled: () => {},
      },
    );
    await this.desk.start();
  }

  /** A new process in place of the dead one. */
  async restart(): Promise<void> {
    await this.close();
    this.dead = false;
    await this.open();
  }

  async close(): Promise<void> {
    await this.desk.stop();
    await this.utility.db.destroy();
  }

  async #deliver(index: number, request: RoundRequest): Promise<void> {
    const aggregator = this.aggregators[index - 1];
    if (aggregator === undefined || aggregator.down) return;
    await Promise.resolve();
    const answer = await (this.options.real?.answer(index, request) ?? aggregator.answer(request));
    if (answer !== undefined && !this.dead) await this.desk.handle(request.round, index, answer, encodeCbor(answer));
  }

  store(cell: Cell, aggregators: readonly number[] = this.aggregators.map(({ index }) => index)): void {
    for (const index of aggregators) this.aggregators[index - 1]?.store(cell);
  }

  /** Readings of a whole day for all meters, but those that `skip` names. Deterministic. */
  fillDay(first: number = DAY, skip: (meter: string, slot: number) => boolean = () => false): void {
    for (const [m, meter] of this.meters.entries()) {
      for (let slot = first; slot < first + 96; slot++) {
        if (skip(meter, slot)) continue;
        const places = this.options.places(meter);
        const feeder = places.find((place) => place.from <= slot && slot < (place.to ?? Infinity))?.feeder;
        if (feeder === undefined) continue;
        this.store({ meter, feeder, kind: 1, slot, value: valueOf(m, slot) });
      }
    }
  }

  /** The readings of another harness with the same aggregators, for many runs of one day; never written to. */
  shareCells(other: Harness): void {
    for (const [i, aggregator] of this.aggregators.entries()) {
      const source = other.aggregators[i];
      if (source !== undefined) aggregator.shareCells(source);
    }
  }

  /** Lets everything settle that can at this moment, then moves real time on; repeats. */
  async run(seconds = 0): Promise<void> {
    const end = this.realNow + seconds;
    for (;;) {
      await this.desk.poll();
      await this.settle();
      if (this.realNow >= end) return;
      this.realNow += 1;
    }
  }

  async settle(): Promise<void> {
    for (let idle = 0; idle < 3; ) {
      const mail = this.#mail;
      this.#mail = [];
      if (mail.length === 0) idle++;
      else idle = 0;
      await Promise.all(mail);
      await this.desk.poll();
    }
  }

  /** The log's entries of a type, in order. */
  async logged<T extends EntryContent["type"]>(type: T): Promise<Extract<EntryContent, { type: T }>[]> {
    const rows = await this.utility.db
      .selectFrom("ledger_entries")
      .select("entry")
      .where("type", "=", type)
      .orderBy("idx")
      .execute();
    return rows.map(({ entry }) => decodeEntry(entry).content as Extract<EntryContent, { type: T }>);
  }

  /** What `npm run ledger -- verify` finds. */
  async findings(): Promise<string[]> {
    const { db, ledger } = this.utility;
    const report = await verifyAll(db, { log: ledger.key, saved: [], slotSeconds: SLOT_SECONDS, silent: true });
    return report.findings.map(({ where, what }) => `${where}: ${what}`);
  }

  setSlot(slot: number): void {
    this.clock.set(slot * SLOT_SECONDS);
  }
}

/** The reading of the harness's meters. */
export function valueOf(meter: number, slot: number): number {
  return 50 + ((meter * 37 + slot * 11) % 97);
}
