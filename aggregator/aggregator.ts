/**
 * One aggregator without its transport: messages in by topic, messages out through `send`. Puts intake, share store,
 * membership and rounds together over one database. Sees shares and tags; no reading, and no other aggregator's share.
 */
import { storageError } from "../config/runtime/database.ts";
import { ChunkAssembler, openServerMessage, sealServerMessage, splitChunks } from "../protocol/envelope/index.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { enrolMessage, type MembershipCertificate } from "../protocol/messages/enrolment.ts";
import { roundRequest } from "../protocol/messages/round.ts";
import { type ParsedTopic, parseTopic, topicOf } from "../protocol/topics.ts";
import type { AggregatorOptions } from "./aggregator-options.ts";
import { inPieces } from "./in-pieces.ts";
import { Intake } from "./intake/intake.ts";
import { KeyRing } from "./intake/key-ring.ts";
import { MeterTable } from "./intake/meter-table.ts";
import { EnrolmentDesk } from "./membership/enrolment-desk.ts";
import { VectorDesk } from "./learning/vector-desk.ts";
import { VectorRounds } from "./learning/vector-rounds.ts";
import { VectorStore } from "./learning/vector-store.ts";
import { decodeCertificate, Membership } from "./membership/membership.ts";
import { DigestStore } from "./openings/digest-store.ts";
import { createJobDesk } from "./openings/job-desk.ts";
import { JobMail } from "./openings/job-mail.ts";
import type { OpeningDesk } from "./openings/opening-desk.ts";
import type { OpeningCounters } from "./openings/opening-options.ts";
import { LostHistory } from "./release/lost-history.ts";
import { ReleaseStore } from "./release/release-store.ts";
import { RoundDesk } from "./rounds/desk.ts";
import { Holdings } from "./rounds/holdings.ts";
import { ShareGaps } from "./store/share-gaps.ts";
import { ShareRetention } from "./store/share-retention.ts";
import { ShareStore } from "./store/share-store.ts";
import { isFromMeter, subscriptionsOf } from "./subscriptions.ts";

/** Requests of servers that wait while another is worked on; more are refused and will be repeated. */
const MAX_WAITING = 256;

export class Aggregator {
  readonly intake: Intake;
  readonly store: ShareStore;
  readonly membership: Membership;
  readonly keys: KeyRing;
  readonly releases: ReleaseStore;
  readonly #options: AggregatorOptions;
  readonly #rounds: RoundDesk;
  readonly #enrolment: EnrolmentDesk;
  readonly #chunks: ChunkAssembler;
  readonly #jobs: OpeningDesk;
  readonly #jobMail: JobMail;
  readonly vectors: VectorDesk;
  readonly retention: ShareRetention;
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isClosed = false;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    const { index, db, party, settings, now, refuse, scheduleCommit, send, pause, part } = options;
    const { slotSeconds, windowSlots } = settings;
    const { directory } = party;
    this.#chunks = new ChunkAssembler(options.monotonic);
    this.store = new ShareStore(db, settings, part?.ownsNumber);
    const forgotten = (from: number, to: number): void => part?.tell({ about: "forgotten", from, to });
    this.retention = new ShareRetention({ ...settings, db, store: this.store, pause, forgotten });
    const table = new MeterTable(db);
    const { store } = this;
    const digests = new DigestStore(db);
    const releases = new ReleaseStore(db);
    this.releases = releases;
    const ports = { now, wallTime: options.wallTime, scheduleCommit, send, refuse };
    const vectors = new VectorStore(db, settings);
    const isOwn = part?.owns;
    this.intake = new Intake({
      ...settings,
      ...{ db, store, digests, vectors, loads: releases, meters: table, isOwn },
      ...ports,
    });
    this.vectors = new VectorDesk({ ...settings, directory, store: vectors, intake: this.intake, now, refuse });
    this.keys = new KeyRing({ index, table, intake: this.intake });
    const membership = new Membership({
      db,
      directory,
      index,
      signer: party,
      currentSlot: () => Math.floor((now() ?? 0) / slotSeconds),
      lateSlots: windowSlots,
    });
    this.membership = membership;
    const members = {
      numberOf: (meter: string) => this.keys.numberOf(meter),
      nameOf: (number: number) => this.keys.nameOf(number),
      slotsOn: (meter: string, feeder: string, from: number, to: number) => membership.slotsOn(meter, feeder, from, to),
      isHead: (meter: string) => this.membership.isHead(meter),
      roster: (feeder: string, from: number, to: number) => this.membership.roster(feeder, from, to),
      feederOver: (meter: string, from: number, to: number) => this.membership.feederOver(meter, from, to),
      feeders: () => this.membership.feeders(),
    };
    const [{ minMeters, minSlots }, gaps] = [settings, new ShareGaps(store, windowSlots)];
    const lost = new LostHistory({ db, slotSeconds, now, n: directory.n, q: directory.q });
    this.#rounds = new RoundDesk({
      ...{ index, signer: party, directory },
      rules: { store: releases, members, gaps, lost, exports: (meter) => store.exports(meter), minMeters, minSlots },
      holdings: new Holdings(store, members),
      vectors: new VectorRounds({ store: vectors, members, slotSeconds, now, minMeters, lost }),
      maskKeys: options.subsetKeys && { index, n: directory.n, t: directory.t, ...options.subsetKeys },
      askAgain: (meter, kind, firstSlot, count) => {
        if (part?.owns(meter) === false) part.tell({ about: "resend", meter, kind, firstSlot, count });
        else this.intake.askAgain(meter, kind, firstSlot, count);
      },
      pause,
    });
    this.#jobs = createJobDesk({
      ...{ index, db, minMeters, settings: options.homomorphic, refuse, signer: party, directory },
      rules: { loads: releases, digests, members, minMeters, pause, lost },
      answer: (answer) => this.#jobMail.answer(answer),
      give: (partial) => this.#jobMail.give(partial),
      ...{ now: () => now() ?? 0, monotonic: options.monotonic },
    });
    this.#jobMail = new JobMail({
      ...{ index, party, refuse, monotonic: options.monotonic, desk: this.#jobs },
      sendSealed: (message, to, topic) => this.#sendSealed(message, to, topic),
      failed: (error, topic) => this.#refuseProtocolError(error, topic),
    });
    this.#enrolment = new EnrolmentDesk({
      index,
      directory,
      membership: this.membership,
      refuse,
      onAccepted: (record, rootKey) => {
        if (rootKey !== undefined) this.keys.addKey(record.meter, record.keyVersion, rootKey);
        this.keys.setPlaces(record.meter, record.places);
        part?.tell({ about: "meter", meter: record.meter });
      },
    });
    for (const meter of this.membership.meters()) this.keys.setPlaces(meter, this.membership.placesOf(meter));
  }

  /** Takes what the folder of keys holds: certificates and root keys from enrolment. */
  load(
    certificates: readonly MembershipCertificate[],
    rootKeys: ReadonlyMap<string, { readonly keyVersion: number; readonly rootKey: Uint8Array }>,
  ): void {
    const { db } = this.#options;
    inPieces(db, certificates, (certificate) => this.#addCertificate(certificate, "folder"));
    inPieces(db, [...rootKeys], ([meter, { keyVersion, rootKey }]) => this.keys.addKey(meter, keyVersion, rootKey));
  }

  /** What this process listens to. */
  subscriptions(): string[] {
    return subscriptionsOf(this.#options.index, this.#options.part?.hasDesk ?? true);
  }

  /** A message from the broker. Shares and hellos are handled at once; requests of servers one after the other. */
  handle(topic: string, payload: Uint8Array): void {
    if (this.#isClosed) return;
    const parsed = parseTopic(topic);
    const { meter } = parsed?.parameters ?? {};
    if (parsed !== undefined && isFromMeter(parsed.name) && this.#options.part?.owns(meter!) === false) return;
    switch (parsed?.name) {
      case "share":
        if (parsed.parameters.agg !== String(this.#options.index)) break;
        this.intake.handleShare(meter!, payload);
        return;
      case "heDigest":
        if (parsed.parameters.agg !== String(this.#options.index)) break;
        this.intake.handleDigest(meter!, payload);
        return;
      case "update":
        if (parsed.parameters.agg !== String(this.#options.index)) break;
        this.vectors.takeUpdate(meter!, parsed.parameters.round!, payload);
        return;
      case "learnAnnounce":
        this.vectors.takeAnnouncement(payload);
        return;
      case "meterStatus":
        this.intake.handleStatus(meter!, payload);
        return;
      case "roundRequest":
      case "enrolRequest":
        if (parsed.parameters.agg !== String(this.#options.index)) break;
        this.#guard(topic, () => this.#assemble(parsed, topic, payload));
        return;
      case "jobRequest":
        if (parsed.parameters.agg !== String(this.#options.index)) break;
        this.#guard(topic, () => this.#jobMail.take(parsed.parameters.job!, topic, payload));
        return;
      case "roll":
        this.#guard(topic, () => this.#addCertificate(decodeCertificate(payload), "wire"));
        return;
      default:
    }
    this.#options.refuse("wrong-topic", topic);
  }

  #assemble(parsed: ParsedTopic, topic: string, payload: Uint8Array): void {
    const sender = parsed.name === "roundRequest" ? "utility" : "authority";
    const whole = this.#chunks.add(sender, payload);
    if (whole === undefined) return;
    if (this.#waiting >= MAX_WAITING) {
      this.#options.refuse("busy", topic);
      return;
    }
    this.#waiting++;
    this.#work = this.#work.then(async () => {
      try {
        await (sender === "utility" ? this.#round(whole, parsed.parameters.round!) : this.#enrol(whole));
      } catch (error) {
        this.#refuseProtocolError(error, topic);
      } finally {
        this.#waiting--;
      }
    });
  }

  async #round(bytes: Uint8Array, round: string): Promise<void> {
    const { party, index } = this.#options;
    const { message } = await openServerMessage(bytes, party, "utility");
    const parsed = roundRequest.safeParse(message);
    if (!parsed.success) throw new ProtocolError("malformed", `a round request: ${parsed.error.issues[0]?.message}`);
    if (parsed.data.round !== round)
      throw new ProtocolError("wrong-topic", `round ${parsed.data.round} under ${round}`);
    const began = performance.now();
    const answer = await this.#rounds.handle(parsed.data);
    if (answer === undefined) return;
    const milliseconds = Math.round(performance.now() - began);
    this.#options.answered?.({ round, asked: parsed.data.type, answered: answer.type, milliseconds });
    if (answer.type === "endorse") this.#options.part?.tell({ about: "loads" });
    if (answer.type === "refuse") this.#options.refuse(`round-${answer.code}`, answer.detail);
    const topic = topicOf("roundAnswer", { agg: String(index), round, type: answer.type });
    await this.#sendSealed(answer, "utility", topic);
  }

  async #enrol(bytes: Uint8Array): Promise<void> {
    const { party, index } = this.#options;
    const { message } = await openServerMessage(bytes, party, "authority");
    const parsed = enrolMessage.safeParse(message);
    if (!parsed.success) throw new ProtocolError("malformed", `an enrolment: ${parsed.error.issues[0]?.message}`);
    const answer = this.#enrolment.handle(parsed.data);
    const topic = topicOf("enrolAnswer", { agg: String(index), meter: answer.meter });
    await this.#sendSealed(answer, "authority", topic);
  }

  async #sendSealed(message: unknown, to: string, topic: string): Promise<void> {
    const sealed = await sealServerMessage(message, this.#options.party, to);
    for (const chunk of splitChunks(sealed)) this.#options.send(topic, chunk);
  }

  #addCertificate(certificate: MembershipCertificate, from: "folder" | "wire"): void {
    const record = this.membership.addCertificate(certificate, from);
    if (record !== undefined) this.keys.setPlaces(record.meter, this.membership.placesOf(record.meter));
  }

  #guard(topic: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#refuseProtocolError(error, topic);
    }
  }

  #refuseProtocolError(error: unknown, topic: string): void {
    if (!(error instanceof ProtocolError)) throw storageError(error, this.#options.db.name);
    this.#options.refuse(error.code, `${topic}: ${error.message}`);
  }

  /** Makes durable what waits, and acknowledges it. */
  commit(): void {
    this.intake.commit();
    if (this.#options.part?.hasDesk === false) return;
    this.vectors.forget();
    const time = this.#options.now();
    if (time === undefined || !this.retention.tend(time)) return;
    this.#work = this.#work.then(() => this.retention.forget());
  }

  /** Resolves when no request of a server is being worked on, other than a job that waits for its inputs. */
  async idle(): Promise<void> {
    await this.#work;
    await this.#jobMail.idle();
    await this.#jobs.idle();
  }

  /** Jobs that were recomputed, opened, answered again and refused. */
  get jobs(): OpeningCounters {
    return this.#jobs.counters;
  }

  /**
   * Before a clean stop: finishes requests, commits, and packs the journal, so that the next start is quick. What still
   * comes is not taken: another one may go on over the same database, and none would commit it.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#work;
    await this.#jobMail.idle();
    await this.#jobs.close();
    this.intake.close();
    this.store.pack();
  }
}
