/**
 * Statistics beyond sums are counted: each number that is opened of a slot needs k meters of its own, over all that was
 * ever opened of it, differences of groups included (docs/decisions/004-ciphertexts.md). Durable; the caller holds the
 * transaction in which a claim is checked and written. What was once said to be ready stays spent: its proof is out.
 */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { MAX_WINDOW_SLOTS } from "../../protocol/envelope/digest.ts";
import { JobError } from "./job-error.ts";

/** What a statistic would open of a feeder: so many numbers for each slot, and the feeder's meters with a value there. */
export interface NumberClaim {
  readonly feeder: string;
  readonly kind: number;
  readonly firstSlot: number;
  /** The same for all feeders of a statistic's group. */
  readonly numbers: number;
  readonly meters: Uint32Array;
}

interface ClaimRow {
  readonly statistic: Buffer;
  readonly feeder: string;
  readonly first_slot: number;
  readonly numbers: number;
  readonly meters: Buffer;
}

/** All statistics of one set of feeders, over the slots of a claim. */
interface Group {
  readonly feeders: readonly string[];
  readonly numbers: Uint32Array;
}

export class NumberBudget {
  readonly #minMeters: number;
  readonly #select;
  readonly #known;
  readonly #insert;

  constructor(db: SqlDatabase, minMeters: number) {
    this.#minMeters = minMeters;
    this.#select = db.prepare<[number, number, number], ClaimRow>(
      `SELECT statistic, feeder, first_slot, numbers, meters FROM he_numbers
       WHERE kind = ? AND first_slot > ? AND first_slot < ? ORDER BY statistic, feeder`,
    );
    this.#known = db
      .prepare<[number, number, Uint8Array], number>(
        "SELECT 1 FROM he_numbers WHERE kind = ? AND first_slot = ? AND statistic = ?",
      )
      .pluck();
    this.#insert = db.prepare<[number, number, Uint8Array, string, number, Buffer]>(
      `INSERT INTO he_numbers (kind, first_slot, statistic, feeder, numbers, meters)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    );
  }

  /**
   * Throws JobError `too-many-numbers` when the claims, with all that is spent, leave a number too few meters. A statistic
   * that is spent already tells nothing more.
   */
  assertRoom(statistic: Uint8Array, claims: readonly NumberClaim[]): void {
    for (const kind of new Set(claims.map((claim) => claim.kind))) {
      const ofKind = claims.filter((claim) => claim.kind === kind);
      const { firstSlot, meters } = ofKind[0]!;
      if (this.#known.get(kind, firstSlot, statistic) !== undefined) continue;
      const range = { firstSlot, slots: meters.length };
      const rows = this.#select.all(kind, firstSlot - MAX_WINDOW_SLOTS, firstSlot + meters.length);
      const { groups, counts } = gather(rows, ofKind, range);
      const over = firstOver(groups, counts, range.slots, this.#minMeters);
      if (over === undefined) continue;
      throw new JobError(
        "too-many-numbers",
        `slot ${firstSlot + over.slot}: ${over.numbers} numbers of ${over.feeders.join(", ")} would be told of ` +
          `${over.meters} meters, counting what differences to other openings tell; ${this.#minMeters} are needed for each`,
      );
    }
  }

  add(statistic: Uint8Array, claims: readonly NumberClaim[]): void {
    for (const { feeder, kind, firstSlot, numbers, meters } of claims) {
      const bytes = Buffer.allocUnsafe(4 * meters.length);
      for (const [slot, count] of meters.entries()) bytes.writeUInt32BE(count, 4 * slot);
      this.#insert.run(kind, firstSlot, statistic, feeder, numbers, bytes);
    }
  }
}

/** Groups that hang together with the claimed one through feeders in common, smallest first, and everyone's meters. */
function gather(
  rows: readonly ClaimRow[],
  claims: readonly NumberClaim[],
  { firstSlot, slots }: { firstSlot: number; slots: number },
): { groups: Group[]; counts: Map<string, Uint32Array> } {
  const counts = new Map(claims.map(({ feeder, meters }) => [feeder, meters]));
  const statistics = new Map<string, ClaimRow[]>();
  for (const row of rows) {
    const name = `${row.first_slot} ${row.statistic.toString("hex")}`;
    const list = statistics.get(name);
    if (list === undefined) statistics.set(name, [row]);
    else list.push(row);
  }
  const groups = new Map<string, Group>();
  const groupOf = (feeders: readonly string[]): Group => {
    const name = feeders.join(" ");
    const group = groups.get(name) ?? { feeders, numbers: new Uint32Array(slots) };
    groups.set(name, group);
    return group;
  };
  const own = groupOf(claims.map(({ feeder }) => feeder).sort());
  own.numbers.fill(claims[0]!.numbers);
  for (const list of statistics.values()) {
    const group = groupOf(list.map(({ feeder }) => feeder));
    const { first_slot: from, numbers, meters } = list[0]!;
    const [start, end] = [Math.max(from, firstSlot), Math.min(from + meters.length / 4, firstSlot + slots)];
    for (let slot = start; slot < end; slot++) group.numbers[slot - firstSlot]! += numbers;
    for (const row of list) {
      const count = counts.get(row.feeder) ?? new Uint32Array(slots);
      counts.set(row.feeder, count);
      for (let slot = start; slot < end; slot++) {
        count[slot - firstSlot] = row.meters.readUInt32BE(4 * (slot - from));
      }
    }
  }
  const reached = new Set(own.feeders);
  const left = new Set(groups.values());
  for (let size = -1; size !== reached.size; ) {
    size = reached.size;
    for (const group of left) {
      if (!group.feeders.some((feeder) => reached.has(feeder))) continue;
      for (const feeder of group.feeders) reached.add(feeder);
      left.delete(group);
    }
  }
  const tied = [...groups.values()].filter((group) => !left.has(group));
  // One order for all slots: a number over several of them has one place in it.
  const order = (a: Group, b: Group): number =>
    a.feeders.length - b.feeders.length || (a.feeders.join(" ") < b.feeders.join(" ") ? -1 : 1);
  return { groups: tied.sort(order), counts };
}

interface Over {
  readonly slot: number;
  readonly feeders: readonly string[];
  readonly numbers: number;
  readonly meters: number;
}

/**
 * Either of two rules is enough for a slot; both are proven in docs/decisions/004-ciphertexts.md. Each group has k meters
 * for each of its numbers on feeders that no group before it holds. Or each feeder has k meters for each number of every
 * group that holds it.
 */
function firstOver(
  groups: readonly Group[],
  counts: ReadonlyMap<string, Uint32Array>,
  slots: number,
  minMeters: number,
): Over | undefined {
  const overs = Array.from<Over | undefined>({ length: slots });
  const held = new Map([...counts.keys()].map((feeder) => [feeder, new Uint32Array(slots)]));
  for (const { feeders, numbers } of groups) {
    for (let slot = 0; slot < slots; slot++) {
      let own = 0;
      let all = 0;
      for (const feeder of feeders) {
        const count = counts.get(feeder)![slot]!;
        all += count;
        if (held.get(feeder)![slot] === 0) own += count;
        held.get(feeder)![slot]! += numbers[slot]!;
      }
      if (all > 0 && numbers[slot]! * minMeters > own) {
        overs[slot] ??= { slot, feeders, numbers: numbers[slot]!, meters: own };
      }
    }
  }
  return overs.find(
    (over) =>
      over !== undefined &&
      [...held].some(([feeder, numbers]) => {
        const count = counts.get(feeder)![over.slot]!;
        return count > 0 && numbers[over.slot]! * minMeters > count;
      }),
  );
}
