/**
 * What the authority and the aggregators tell each other about meters: who belongs to which feeder, from when to when,
 * and the countersignatures without which no meter counts (docs/protocol.md, "Membership").
 */
import { z } from "zod";
import { byteString, bytesOfLength } from "../bytes.ts";
import { aggregatorIndex, feederId, meterId } from "../names.ts";
import { MAX_SLOT } from "../slots.ts";

const slot = z.int().min(0).max(MAX_SLOT);

const place = z.strictObject({ feeder: feederId, from: slot, to: slot.nullable() });
/** A half-open range of slots on one feeder; `to` null: until further notice. */
export type Place = z.infer<typeof place>;

/** A meter's places in order and without overlap: one leaf feeder for each slot. */
export const membershipRecord = z.strictObject({
  meter: meterId,
  /** The meter at the head of its feeders; left out: a customer's. For life. */
  role: z.literal("head").optional(),
  serial: z.int().min(1),
  keyVersion: z.int().min(1),
  places: z
    .array(place)
    .max(1000)
    .refine(
      (places) =>
        places.every((current, i) => {
          const next = places[i + 1];
          if (current.to !== null && current.to <= current.from) return false;
          return next === undefined || (current.to !== null && current.to <= next.from);
        }),
      "places must be in order, not empty, and must not overlap",
    ),
});
export type MembershipRecord = z.infer<typeof membershipRecord>;

/** The record as signed by the authority, and the aggregators' countersignatures of it. */
export const membershipCertificate = z.strictObject({
  record: byteString,
  countersignatures: z.array(byteString).max(7),
});
export type MembershipCertificate = z.infer<typeof membershipCertificate>;

/** What a countersignature says, signed by the aggregator under the context `wv/1 countersign`. */
export const countersignContent = z.strictObject({ recordHash: byteString, aggregator: aggregatorIndex });

/** Authority to aggregator: a new, changed or revoked meter. `rootKey` is absent where the key stays as it is. */
export const enrolMessage = z.strictObject({
  type: z.literal("enrol"),
  record: byteString,
  rootKey: bytesOfLength(32, "a root key").optional(),
});
export type EnrolMessage = z.infer<typeof enrolMessage>;

export const countersignMessage = z.strictObject({
  type: z.literal("countersign"),
  aggregator: aggregatorIndex,
  meter: meterId,
  serial: z.int().min(1),
  /** The Sign1, or absent with a reason where the aggregator refuses. */
  countersignature: byteString.optional(),
  refusal: z.string().max(500).optional(),
});
export type CountersignMessage = z.infer<typeof countersignMessage>;
