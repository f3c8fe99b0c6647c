/**
 * Who belongs to which feeder, and since when: records signed by the authority, countersigned by the aggregators.
 * Pure rules for every side; each party keeps its own list (`Roll`) and believes nobody else's.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { CONTEXT, sign1, type Signer, verify1 } from "./envelope/sign1.ts";
import { ProtocolError } from "./errors.ts";
import type { Directory } from "./keys/directory.ts";
import {
  countersignContent,
  type MembershipCertificate,
  membershipCertificate,
  type MembershipRecord,
  membershipRecord,
  type Place,
} from "./messages/enrolment.ts";
import { aggregatorId, indexOfAggregator } from "./names.ts";
import { MAX_SLOT } from "./slots.ts";

type Servers = Pick<Directory, "servers">;

/** A day of quarter hours: how late a record may reach an aggregator that was away. */
const LATE_SLOTS = 96;

/** Signs a record as the authority. Throws RangeError when it breaks a rule of the schema. */
export function signRecord(record: MembershipRecord, authority: Signer): Uint8Array {
  const checked = membershipRecord.safeParse(record);
  if (!checked.success) throw new RangeError(`record: ${z.prettifyError(checked.error)}`);
  return sign1(encodeCbor(checked.data), authority, CONTEXT.member);
}

/** Verifies the authority's signature of a record. Throws ProtocolError. */
export function openRecord(signed: Uint8Array, directory: Servers): MembershipRecord {
  const { payload } = verify1(signed, directory, CONTEXT.member, "authority");
  return checked(membershipRecord, decodeCbor(payload), "a membership record");
}

/** Countersigns a signed record that `acceptRecord` has accepted. `aggregator` is the share index. */
export function countersign(signed: Uint8Array, aggregator: number, { signKey }: Pick<Signer, "signKey">): Uint8Array {
  const signer = { id: aggregatorId(aggregator), ...(signKey === undefined ? {} : { signKey }) };
  return sign1(encodeCbor({ recordHash: recordHash(signed), aggregator }), signer, CONTEXT.countersign);
}

/** Verifies one countersignature of a signed record and returns the index of its aggregator. Throws ProtocolError. */
export function openCountersignature(countersignature: Uint8Array, signed: Uint8Array, directory: Servers): number {
  const { payload, signer } = verify1(countersignature, directory, CONTEXT.countersign);
  const content = checked(countersignContent, decodeCbor(payload), "a countersignature");
  if (indexOfAggregator(signer) !== content.aggregator) {
    throw new ProtocolError("wrong-sender", `a countersignature of aggregator ${content.aggregator} is by ${signer}`);
  }
  if (!recordHash(signed).equals(content.recordHash)) {
    throw new ProtocolError("bad-signature", `aggregator ${content.aggregator} countersigned another record`);
  }
  return content.aggregator;
}

export interface VerifiedMembership {
  readonly record: MembershipRecord;
  /** Share indices, ascending. */
  readonly countersignedBy: readonly number[];
}

/**
 * Verifies a certificate: the authority's signature, and valid countersignatures by at least q different aggregators.
 * Throws ProtocolError; an invalid countersignature is refused even where enough others are valid.
 */
export function verifyMembership(
  certificate: MembershipCertificate,
  directory: Pick<Directory, "servers" | "q">,
): VerifiedMembership {
  const { record: signed, countersignatures } = checked(membershipCertificate, certificate, "a certificate");
  const record = openRecord(signed, directory);
  const by = new Set(countersignatures.map((item) => openCountersignature(item, signed, directory)));
  if (by.size < directory.q) {
    throw new ProtocolError(
      "bad-signature",
      `${record.meter} serial ${record.serial}: ${directory.q} aggregators must countersign, ${by.size} did`,
    );
  }
  return { record, countersignedBy: [...by].sort((a, b) => a - b) };
}

/** A record as signed by the authority, and what it says. */
export interface SignedRecord {
  readonly signed: Uint8Array;
  readonly record: MembershipRecord;
}

export interface AcceptOptions {
  readonly directory: Servers;
  /** What this aggregator countersigned last for a meter. */
  readonly previous: (meter: string) => SignedRecord | undefined;
  /** The slot that runs now; what lies before it is the past. */
  readonly currentSlot: number;
  /**
   * How far before the current slot a place may begin where there was none, so that a record that was under way for a
   * while still counts. It can take nothing away from another feeder. Default LATE_SLOTS.
   */
  readonly lateSlots?: number;
}

/**
 * An aggregator's decision on a record: returns it when it may be countersigned, else throws ProtocolError with what
 * is wrong. The very same record may come again; another one needs a higher serial and must leave the past as it was.
 */
export function acceptRecord(signed: Uint8Array, options: AcceptOptions): MembershipRecord {
  const { directory, currentSlot, lateSlots = LATE_SLOTS } = options;
  const record = openRecord(signed, directory);
  const previous = options.previous(record.meter);
  const name = `${record.meter} serial ${record.serial}`;
  if (previous !== undefined) {
    if (Buffer.from(signed).equals(previous.signed)) return record;
    if (record.serial <= previous.record.serial) {
      throw new ProtocolError("replayed", `${name}: serial ${previous.record.serial} is countersigned already`);
    }
    if (record.keyVersion < previous.record.keyVersion) {
      throw new ProtocolError("replayed", `${name}: key version ${previous.record.keyVersion} is known already`);
    }
  }
  // Whoever was a customer once could otherwise be left out of a balance that then shows what the home consumes.
  if (previous !== undefined && previous.record.role !== record.role) {
    throw new ProtocolError("replayed", `${name}: a meter stays what it is, a customer's or the head of a feeder`);
  }
  const slot = rewrittenSlot(previous?.record.places ?? [], record.places, currentSlot, lateSlots);
  if (slot !== undefined) {
    throw new ProtocolError("replayed", `${name} rewrites the past: slot ${slot} is before the current ${currentSlot}`);
  }
  return record;
}

/** The first slot before `current` whose feeder differs, where that is not a late addition; undefined if none. */
function rewrittenSlot(
  before: readonly Place[],
  after: readonly Place[],
  current: number,
  lateSlots: number,
): number | undefined {
  // The feeder can change only where some place begins or ends: one slot stands for each stretch.
  const edges = [...before, ...after].flatMap(({ from, to }) => (to === null ? [from] : [from, to]));
  const late = Math.max(0, current - lateSlots);
  for (const slot of [...new Set([0, late, ...edges])].sort((a, b) => a - b)) {
    if (slot >= current) return undefined;
    const was = feederAt(before, slot);
    if (was !== feederAt(after, slot) && !(was === undefined && slot >= late)) return slot;
  }
  return undefined;
}

/** The feeder of the place that holds a slot. */
export function feederAt(places: readonly Place[], slot: number): string | undefined {
  return places.find(({ from, to }) => slot >= from && (to === null || slot < to))?.feeder;
}

/** The certificates that one party has verified, the highest serial for each meter. */
export class Roll {
  readonly #directory: Pick<Directory, "servers" | "q">;
  readonly #members = new Map<string, VerifiedMembership & { readonly certificate: MembershipCertificate }>();

  constructor(directory: Pick<Directory, "servers" | "q">) {
    this.#directory = directory;
  }

  /**
   * Verifies a certificate and keeps it unless a newer one is here. Returns the record when it is news, undefined for
   * a repeat or an older one. Throws ProtocolError, also for a second record with the same serial.
   */
  add(certificate: MembershipCertificate): MembershipRecord | undefined {
    const verified = verifyMembership(certificate, this.#directory);
    const { meter, serial } = verified.record;
    const known = this.#members.get(meter);
    if (known !== undefined && serial <= known.record.serial) {
      if (serial === known.record.serial && !Buffer.from(certificate.record).equals(known.certificate.record)) {
        throw new ProtocolError("bad-signature", `${meter} has two different records with serial ${serial}`);
      }
      return undefined;
    }
    this.#members.set(meter, { ...verified, certificate });
    return verified.record;
  }

  get size(): number {
    return this.#members.size;
  }

  /** All meters that ever had a certificate, sorted. */
  meters(): string[] {
    return [...this.#members.keys()].sort(byName);
  }

  record(meter: string): MembershipRecord | undefined {
    return this.#members.get(meter)?.record;
  }

  /** The record with its signature, as `acceptRecord` compares it. */
  signedRecord(meter: string): SignedRecord | undefined {
    const known = this.#members.get(meter);
    return known === undefined ? undefined : { signed: known.certificate.record, record: known.record };
  }

  /** In the order of `meters()`. */
  certificates(): MembershipCertificate[] {
    return this.meters().map((meter) => this.#members.get(meter)!.certificate);
  }

  /** The feeder of a meter in a slot; undefined for a stranger, or when it has no place there. */
  feederOf(meter: string, slot: number): string | undefined {
    const record = this.#members.get(meter)?.record;
    return record === undefined ? undefined : feederAt(record.places, slot);
  }

  /** False for a stranger and for a revoked meter: one that has no place at `slot` or after it. */
  isActive(meter: string, slot: number): boolean {
    const places = this.#members.get(meter)?.record.places ?? [];
    return places.some(({ to }) => to === null || to > slot);
  }

  /** True for a meter that stands at the head of feeders and is nobody's. */
  isHead(meter: string): boolean {
    return this.#members.get(meter)?.record.role === "head";
  }

  /** The customers' meters whose place is this feeder in a slot, sorted. */
  rosterAt(feeder: string, slot: number): string[] {
    return this.members(feeder, { from: slot, to: slot + 1 });
  }

  /** The customers' meters whose place is this feeder in at least one slot of a half-open range, sorted. */
  members(feeder: string, range: { readonly from: number; readonly to: number }): string[] {
    return this.#placedOn(feeder, range, undefined);
  }

  /** The meters that stand at the head of this feeder in at least one slot of a half-open range, sorted. */
  heads(feeder: string, range: { readonly from: number; readonly to: number }): string[] {
    return this.#placedOn(feeder, range, "head");
  }

  #placedOn(feeder: string, range: { readonly from: number; readonly to: number }, role: MembershipRecord["role"]) {
    const found: string[] = [];
    for (const [meter, { record }] of this.#members) {
      if (record.role !== role) continue;
      const inside = record.places.some(
        (place) => place.feeder === feeder && place.from < range.to && (place.to ?? MAX_SLOT + 1) > range.from,
      );
      if (inside) found.push(meter);
    }
    return found.sort(byName);
  }

  /** Every feeder that some place names, sorted. */
  feeders(): string[] {
    const names = new Set<string>();
    for (const { record } of this.#members.values()) for (const { feeder } of record.places) names.add(feeder);
    return [...names].sort(byName);
  }
}

/** By code units: the order in which rosters are listed and hashed, whatever the locale. */
function byName(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function recordHash(signed: Uint8Array): Buffer {
  return createHash("sha256").update(signed).digest();
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new ProtocolError("malformed", `${what}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
