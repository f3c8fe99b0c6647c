/**
 * Which meter belongs where, as this aggregator knows it. Two answers: what it has countersigned itself decides whose
 * shares it takes; what q aggregators have countersigned decides which cells count in a round.
 */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { countMembers } from "../../protocol/bitmap.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Signer } from "../../protocol/envelope/index.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import { acceptRecord, countersign, Roll, type SignedRecord, openRecord } from "../../protocol/membership.ts";
import {
  type MembershipCertificate,
  membershipCertificate,
  type MembershipRecord,
  type Place,
} from "../../protocol/messages/enrolment.ts";
import { slotsOfPlaces } from "./place-slots.ts";

export interface MembershipOptions {
  readonly db: SqlDatabase;
  readonly directory: Pick<Directory, "servers" | "q">;
  readonly index: number;
  readonly signer: Signer;
  /** The slot that runs now. */
  readonly currentSlot: () => number;
  /** How late a place may begin that nobody else held (config aggregator.windowSlots). */
  readonly lateSlots: number;
}

interface RecordRow {
  readonly meter: string;
  readonly serial: number;
  readonly record: Buffer;
  readonly countersignature: Buffer | null;
  readonly certificate: Buffer | null;
}

const ROWS_AT_A_TIME = 1_000;

export class Membership {
  readonly #options: MembershipOptions;
  readonly #roll: Roll;
  /** The newest record of each meter that this aggregator has countersigned, or that is certified. */
  readonly #accepted = new Map<string, SignedRecord>();
  readonly #saveRecord;
  readonly #saveCertificate;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#roll = new Roll(options.directory);
    const { db } = options;
    this.#saveRecord = db.prepare<[string, number, Uint8Array, Uint8Array]>(
      `INSERT INTO records (meter, serial, record, countersignature) VALUES (?, ?, ?, ?)
       ON CONFLICT (meter, serial) DO UPDATE SET countersignature = excluded.countersignature`,
    );
    this.#saveCertificate = db.prepare<[string, number, Uint8Array, Uint8Array]>(
      `INSERT INTO records (meter, serial, record, certificate) VALUES (?, ?, ?, ?)
       ON CONFLICT (meter, serial) DO UPDATE SET certificate = excluded.certificate`,
    );
    this.#load();
  }

  /** Some at a time: verifying a hundred thousand takes longer than a server waits for a word. */
  #load(): void {
    const next = this.#options.db.prepare<[string, number], RecordRow>(
      `SELECT * FROM records WHERE (meter, serial) > (?, ?) ORDER BY meter, serial LIMIT ${ROWS_AT_A_TIME}`,
    );
    let rows = next.all("", 0);
    while (rows.length > 0) {
      this.#take(rows);
      const { meter, serial } = rows.at(-1)!;
      rows = next.all(meter, serial);
    }
  }

  /** Takes up what another worker of this aggregator has stored of a meter. */
  reload(meter: string): void {
    const select = this.#options.db.prepare<[string], RecordRow>(
      "SELECT * FROM records WHERE meter = ? ORDER BY serial",
    );
    this.#take(select.all(meter));
  }

  #take(rows: readonly RecordRow[]): void {
    const { directory } = this.#options;
    for (const { meter, record, countersignature, certificate } of rows) {
      if (certificate !== null) this.#addToRoll(membershipCertificate.parse(decodeCbor(certificate)));
      // This aggregator verified the record before it stored it; opening it again costs little.
      if (countersignature !== null) this.#note(meter, { signed: record, record: openRecord(record, directory) });
    }
  }

  /**
   * Takes a certificate from the folder of keys, which stays there, or from the wire, which is stored. Returns the
   * record when it is news. Throws ProtocolError.
   */
  addCertificate(certificate: MembershipCertificate, from: "folder" | "wire"): MembershipRecord | undefined {
    const record = this.#addToRoll(certificate);
    if (record === undefined || from === "folder") return record;
    const { meter, serial } = record;
    this.#saveCertificate.run(meter, serial, Buffer.from(certificate.record), Buffer.from(encodeCbor(certificate)));
    return record;
  }

  #addToRoll(certificate: MembershipCertificate): MembershipRecord | undefined {
    const record = this.#roll.add(certificate);
    if (record !== undefined) this.#note(record.meter, { signed: certificate.record, record });
    return record;
  }

  #note(meter: string, signed: SignedRecord): void {
    const known = this.#accepted.get(meter);
    if (known === undefined || signed.record.serial > known.record.serial) this.#accepted.set(meter, signed);
  }

  /** Decides on a record of the authority; countersigns it durably. Throws ProtocolError with the reason. */
  accept(signed: Uint8Array): { record: MembershipRecord; countersignature: Uint8Array } {
    const { directory, index, signer, currentSlot, lateSlots } = this.#options;
    const record = acceptRecord(signed, {
      directory,
      previous: (meter) => this.#accepted.get(meter),
      currentSlot: currentSlot(),
      lateSlots,
    });
    const countersignature = countersign(signed, index, signer);
    this.#saveRecord.run(record.meter, record.serial, Buffer.from(signed), Buffer.from(countersignature));
    this.#note(record.meter, { signed: Uint8Array.from(signed), record });
    return { record, countersignature };
  }

  /** The places of the newest accepted record; none for a stranger. */
  placesOf(meter: string): readonly Place[] {
    return this.#accepted.get(meter)?.record.places ?? [];
  }

  /** All meters that have or had a place. */
  meters(): string[] {
    return [...this.#accepted.keys()];
  }

  /** The feeder whose certified place holds a customer's meter in all slots from `from` up to `to`; undefined where none does. */
  feederOver(meter: string, from: number, to: number): string | undefined {
    if (this.isHead(meter)) return undefined;
    const feeder = this.#roll.feederOf(meter, from);
    if (feeder === undefined) return undefined;
    return countMembers(this.slotsOn(meter, feeder, from, to)) === to - from ? feeder : undefined;
  }

  isHead(meter: string): boolean {
    return this.#roll.isHead(meter);
  }

  /** The customers' meters with a certified place on the feeder in at least one of these slots. */
  roster(feeder: string, from: number, to: number): string[] {
    return this.#roll.members(feeder, { from, to });
  }

  /** Every feeder that a certified record names. */
  feeders(): readonly string[] {
    return this.#roll.feeders();
  }

  /** The slots from `from` up to `to` at which the meter's certified place is the feeder. */
  slotsOn(meter: string, feeder: string, from: number, to: number): Uint8Array {
    return slotsOfPlaces(this.#roll.record(meter)?.places ?? [], feeder, from, to);
  }
}

/**
 * The certificate in a message of the roll topic. Throws ProtocolError `malformed`. Works on a copy: decoded byte strings
 * are views, and the payload lies in a receive buffer that is used again.
 */
export function decodeCertificate(payload: Uint8Array): MembershipCertificate {
  const parsed = membershipCertificate.safeParse(decodeCbor(Uint8Array.from(payload)));
  if (!parsed.success) throw new ProtocolError("malformed", "expected a membership certificate");
  return parsed.data;
}
