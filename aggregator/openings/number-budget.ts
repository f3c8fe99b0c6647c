/**
 * Statistics beyond sums are counted: each number that is opened of a slot needs k meters of its own, over all jobs that
 * include their feeder. Durable; the caller holds the transaction in which a claim is checked and written.
 */
import type { Database } from "better-sqlite3";
import { MAX_WINDOW_SLOTS } from "../../protocol/envelope/digest.ts";
import { JobError } from "./job-error.ts";

/** What a job would open of a feeder: so many numbers for each slot, each of so many meters of the whole group. */
export interface NumberClaim {
  readonly feeder: string;
  readonly kind: number;
  readonly firstSlot: number;
  readonly numbers: number;
  readonly meters: Uint32Array;
}

interface ClaimRow {
  readonly first_slot: number;
  readonly numbers: number;
  readonly meters: Buffer;
}

/** Sums of quotients of small integers: far above their rounding, far below one meter of a million. */
const TOLERANCE = 1e-9;

export class NumberBudget {
  readonly #minMeters: number;
  readonly #select;
  readonly #insert;
  readonly #remove;

  constructor(db: Database, minMeters: number) {
    this.#minMeters = minMeters;
    this.#select = db.prepare<[string, number, number, number, string], ClaimRow>(
      `SELECT first_slot, numbers, meters FROM he_numbers
       WHERE feeder = ? AND kind = ? AND first_slot > ? AND first_slot < ? AND job <> ?`,
    );
    this.#insert = db.prepare<[string, number, number, string, number, number, Buffer]>(
      "INSERT INTO he_numbers (feeder, kind, first_slot, job, slots, numbers, meters) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    this.#remove = db.prepare<[string]>("DELETE FROM he_numbers WHERE job = ?");
  }

  /** Throws JobError `too-many-numbers` when the claims, with all that other jobs hold, leave a number too few meters. */
  assertRoom(job: string, claims: readonly NumberClaim[]): void {
    for (const { feeder, kind, firstSlot, numbers, meters } of claims) {
      // A number of the whole group costs each feeder its part of the group, of what its own meters allow: its size cancels.
      const spent = new Float64Array(meters.length);
      const end = firstSlot + meters.length;
      for (const row of this.#select.all(feeder, kind, firstSlot - MAX_WINDOW_SLOTS, end, job)) {
        const from = Math.max(firstSlot, row.first_slot);
        const to = Math.min(end, row.first_slot + row.meters.length / 4);
        for (let slot = from; slot < to; slot++) {
          spent[slot - firstSlot]! += part(row.numbers, row.meters.readUInt32BE(4 * (slot - row.first_slot)));
        }
      }
      const over = meters.findIndex(
        (count, slot) => spent[slot]! + part(numbers, count) > (1 + TOLERANCE) / this.#minMeters && count > 0,
      );
      if (over < 0) continue;
      const left = Math.max(0, (1 / this.#minMeters - spent[over]!) * meters[over]!);
      throw new JobError(
        "too-many-numbers",
        `feeder ${feeder}, slot ${firstSlot + over}: ${numbers} numbers of ${meters[over]} meters, ` +
          `${left.toFixed(2)} are left with ${this.#minMeters} meters each`,
      );
    }
  }

  add(job: string, claims: readonly NumberClaim[]): void {
    for (const { feeder, kind, firstSlot, numbers, meters } of claims) {
      const bytes = Buffer.allocUnsafe(4 * meters.length);
      for (const [slot, count] of meters.entries()) bytes.writeUInt32BE(count, 4 * slot);
      this.#insert.run(feeder, kind, firstSlot, job, meters.length, numbers, bytes);
    }
  }

  /** What was claimed for a job that will not be opened. */
  release(job: string): void {
    this.#remove.run(job);
  }
}

function part(numbers: number, meters: number): number {
  return meters === 0 ? 0 : numbers / meters;
}
