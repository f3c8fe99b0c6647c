/** What meters of a simulated fleet send: days of readings, encrypted and packed. */
import { randomBytes } from "node:crypto";
import { encryptAs } from "../../protocol/ckks/authorship/sender.ts";
import { strideOf } from "../../protocol/ckks/packed.ts";
import type { BenchParty } from "./party.ts";

export const DAY_SLOTS = 96;
const FIRST_SLOT = 1_930_560;
/** Whose days they all are: the proof is made for a name. */
const METER = "m-001";
/** Wh in a quarter of an hour: a flat with everything switched on. */
const MOST_WH = 2_500;

/** A day of whole watt-hours, different for every meter and slot and spread over the whole range. */
export function dayOf(meter: number, slots = DAY_SLOTS): Float64Array {
  return Float64Array.from({ length: slots }, (_, slot) => {
    // The last steps of MurmurHash3: neighbours have nothing in common.
    let mixed = Math.imul(meter, 0x9e37_79b1) ^ Math.imul(slot + 1, 0x85eb_ca77);
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return Math.floor((((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32) * (MOST_WH + 1));
  });
}

/** All that a meter does: encode, encrypt, prove, pack. `whole` sends all of c0, as products need it. */
export function packedDay({ engine, publicKey }: BenchParty, numbers: Float64Array, whole = false): Uint8Array {
  const slots = numbers.length;
  const stride = whole ? 1 : strideOf(slots, engine.degree);
  const window = { series: "load", firstSlot: FIRST_SLOT, slots };
  const level = engine.dataLevels;
  return encryptAs(engine, publicKey, { meter: METER, window, level, stride, numbers }, randomBytes);
}
