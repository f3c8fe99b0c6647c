/**
 * Announced rounds and the shares of model updates that belong to them, as they came. A share is visible at once and
 * durable after the intake's commit; the first of a meter for a round stands. Bounded in rounds and in bytes, whatever is
 * sent; shares go as soon as their round's sums are known, or when the round is too old for any. Sees shares, never updates.
 */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { sameBytes } from "../../protocol/log/index.ts";
import type { VectorShare } from "../../protocol/shamir/vector-shares.ts";
import type { BoundedShape } from "./bounded-vectors.ts";

export interface VectorLimits {
  /** Announced rounds that have not been forgotten. */
  readonly learnRounds: number;
  /** All shares together. */
  readonly learnMegabytes: number;
  /** What is not summed so long after its round has closed is forgotten. */
  readonly learnKeepSeconds: number;
}

/** An announced round, by what an aggregator has to know of it. */
export interface VectorRound {
  /** The start of the hash of what was announced: 32 hex digits. */
  readonly round: string;
  /** Unix seconds. */
  readonly closesAt: number;
  readonly minMeters: number;
  readonly maxMeters: number;
  /** Field elements of what a home shares. */
  readonly elements: number;
  /** Where they are bits: how the elements that are summed follow from them. */
  readonly bounded?: BoundedShape | undefined;
}

/** A meter's shares of one vector. */
export interface TaggedShare {
  /** 8 bytes, the same at all aggregators. */
  readonly tag: Uint8Array;
  readonly share: VectorShare;
}

export type VectorResult = "stored" | "duplicate" | "conflict" | "full";

interface RoundRow {
  readonly round: string;
  readonly closes_at: number;
  readonly min_meters: number;
  readonly max_meters: number;
  readonly elements: number;
  readonly bounded: string | null;
}

interface ShareRow {
  readonly tag: Buffer;
  readonly seeded: number;
  readonly body: Buffer;
}

interface Pending extends TaggedShare {
  readonly round: string;
  readonly meter: number;
}

const MEGABYTE = 2 ** 20;

export class VectorStore {
  readonly #db: SqlDatabase;
  readonly #limits: VectorLimits;
  readonly #rounds = new Map<string, VectorRound>();
  readonly #statements;
  readonly #all;
  #pending = new Map<string, Pending>();
  /** Of all shares, also those that wait for their commit. */
  #bytes: number;

  constructor(db: SqlDatabase, limits: VectorLimits) {
    this.#db = db;
    this.#limits = limits;
    this.#statements = {
      find: db.prepare<[string, number], ShareRow>(
        "SELECT tag, seeded, body FROM vector_shares WHERE round = ? AND meter = ?",
      ),
      tag: db.prepare<[string, number], Buffer>("SELECT tag FROM vector_shares WHERE round = ? AND meter = ?").pluck(),
      insert: db.prepare<[number, Uint8Array, number, Uint8Array, string]>(
        // Where several workers write, a round may have been forgotten since the share was taken.
        `INSERT INTO vector_shares (round, meter, tag, seeded, body)
         SELECT round, ?, ?, ?, ? FROM vector_rounds WHERE round = ?`,
      ),
      bytes: db.prepare<[], number>("SELECT coalesce(sum(length(body)), 0) FROM vector_shares").pluck(),
      clear: db.prepare<[string]>("DELETE FROM vector_shares WHERE round = ?"),
      addRound: db.prepare<[string, number, number, number, number, string | null]>(
        "INSERT INTO vector_rounds (round, closes_at, min_meters, max_meters, elements, bounded) VALUES (?, ?, ?, ?, ?, ?)",
      ),
      dropRound: db.prepare<[string]>("DELETE FROM vector_rounds WHERE round = ?"),
      setOf: db.prepare<[string], Buffer>("SELECT set_id FROM vector_sets WHERE round = ?").pluck(),
      endorse: db.prepare<[string, Uint8Array]>("INSERT INTO vector_sets (round, set_id) VALUES (?, ?)"),
      sums: db.prepare<[string], Buffer | null>("SELECT sums FROM vector_rounds WHERE round = ?").pluck(),
      setSums: db.prepare<[Uint8Array, string]>("UPDATE vector_rounds SET sums = ? WHERE round = ?"),
    };
    this.#all = db.prepare<[], RoundRow>(
      "SELECT round, closes_at, min_meters, max_meters, elements, bounded FROM vector_rounds",
    );
    this.#bytes = 0;
    this.refresh();
  }

  /** Reads again which rounds there are, and how much is kept: where several workers write, another one changes it. */
  refresh(): void {
    this.#rounds.clear();
    for (const row of this.#all.all()) this.#rounds.set(row.round, roundOf(row));
    this.#bytes = this.#rounds.size === 0 ? 0 : this.#statements.bytes.get()! + this.#waitingBytes();
  }

  #waitingBytes(): number {
    return [...this.#pending.values()].reduce((sum, { share }) => sum + bodyOf(share).length, 0);
  }

  /** A round that was announced; undefined when it is not known, or no more. */
  round(id: string): VectorRound | undefined {
    return this.#rounds.get(id);
  }

  /** Bytes of shares that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Announced rounds that are kept. */
  get rounds(): number {
    return this.#rounds.size;
  }

  /**
   * Takes an announced round, durably. One that is known stands. Where there are too many, one that has closed gives way,
   * first one that was summed; false where all of them are open.
   */
  announce(added: VectorRound, now: number): boolean {
    const { round, closesAt, minMeters, maxMeters, elements, bounded } = added;
    if (this.#rounds.has(round)) return true;
    if (this.#rounds.size >= this.#limits.learnRounds) {
      const closed = [...this.#rounds.values()].filter((one) => one.closesAt <= now).sort(byAge);
      const last = closed.find((one) => this.sums(one.round) !== undefined) ?? closed[0];
      if (last === undefined) return false;
      this.#drop(last.round);
    }
    const text = bounded === undefined ? null : JSON.stringify(bounded);
    this.#statements.addRound.run(round, closesAt, minMeters, maxMeters, elements, text);
    this.#rounds.set(round, { round, closesAt, minMeters, maxMeters, elements, bounded });
    return true;
  }

  /** Takes what a meter shares with this aggregator in a known round. */
  put(round: string, meter: number, { tag, share }: TaggedShare): VectorResult {
    const known = this.find(round, meter);
    const body = bodyOf(share);
    if (known !== undefined) {
      const isSame =
        sameBytes(known.tag, tag) && "seed" in known.share === "seed" in share && sameBytes(bodyOf(known.share), body);
      return isSame ? "duplicate" : "conflict";
    }
    if (this.#bytes + body.length > this.#limits.learnMegabytes * MEGABYTE) return "full";
    this.#bytes += body.length;
    // Copies: what was opened may lie in a buffer that is used again.
    const kept = "seed" in share ? { seed: Uint8Array.from(body) } : { packed: Uint8Array.from(body) };
    this.#pending.set(keyOf(round, meter), { round, meter, tag: Uint8Array.from(tag), share: kept });
    return "stored";
  }

  find(round: string, meter: number): TaggedShare | undefined {
    const waiting = this.#pending.get(keyOf(round, meter));
    if (waiting !== undefined) return waiting;
    const row = this.#statements.find.get(round, meter);
    return row && { tag: row.tag, share: row.seeded === 1 ? { seed: row.body } : { packed: row.body } };
  }

  tagOf(round: string, meter: number): Uint8Array | undefined {
    return this.#pending.get(keyOf(round, meter))?.tag ?? this.#statements.tag.get(round, meter);
  }

  /** Writes what came since the last commit; the caller holds the transaction and calls `committed` after it. */
  writePending(): void {
    for (const { round, meter, tag, share } of this.#pending.values()) {
      this.#statements.insert.run(meter, tag, "seed" in share ? 1 : 0, bodyOf(share), round);
    }
  }

  committed(): void {
    if (this.#pending.size > 0) this.#pending = new Map();
  }

  /** The one set of a round that was endorsed here: kept for ever. */
  setOf(round: string): Buffer | undefined {
    return this.#statements.setOf.get(round);
  }

  /** From now on this is the one set of the round; the caller holds the transaction. Throws for a second one. */
  endorse(round: string, setId: Uint8Array): void {
    this.#statements.endorse.run(round, setId);
  }

  /** The sums of the round's set, once they are known: 8 bytes for each element. */
  sums(round: string): Buffer | undefined {
    return this.#statements.sums.get(round) ?? undefined;
  }

  /** Keeps the sums of the round's set, and forgets its shares: no other set of it will ever be summed. */
  settle(round: string, sums: Uint8Array): void {
    const settled = this.#db.transaction(() => {
      this.#statements.setSums.run(sums, round);
      this.#clear(round);
    });
    settled.immediate();
  }

  /** Forgets rounds that closed too long ago. What was endorsed of them stays known. */
  forget(now: number): void {
    for (const { round, closesAt } of this.#rounds.values()) {
      if (closesAt + this.#limits.learnKeepSeconds <= now) this.#drop(round);
    }
  }

  #drop(round: string): void {
    const dropped = this.#db.transaction(() => {
      this.#clear(round);
      this.#statements.dropRound.run(round);
    });
    dropped.immediate();
    this.#rounds.delete(round);
  }

  #clear(round: string): void {
    for (const [key, waiting] of this.#pending) if (waiting.round === round) this.#pending.delete(key);
    this.#statements.clear.run(round);
    this.#bytes = this.#statements.bytes.get()! + this.#waitingBytes();
  }
}

function roundOf(row: RoundRow): VectorRound {
  const { round, closes_at: closesAt, min_meters: minMeters, max_meters: maxMeters, elements } = row;
  const bounded = row.bounded === null ? undefined : (JSON.parse(row.bounded) as BoundedShape);
  return { round, closesAt, minMeters, maxMeters, elements, bounded };
}

function byAge(a: VectorRound, b: VectorRound): number {
  return a.closesAt - b.closesAt;
}

function keyOf(round: string, meter: number): string {
  return `${round} ${meter}`;
}

function bodyOf(share: VectorShare): Uint8Array {
  return "seed" in share ? share.seed : share.packed;
}
