/**
 * The share stores as they lie on the disks of all aggregators: each cell is there once, in each of them, and together
 * they are the reading that was fed. Own code for the format and for the arithmetic; this is what no party could do.
 */
import { join } from "node:path";
import Database from "better-sqlite3";
import { Findings } from "./report.ts";
import type { Truth } from "./truth.ts";

const PRIME = 2n ** 61n - 1n;
const ENTRY_BYTES = 16;
const BLOCK_SLOTS = 96;
const BITMAP_BYTES = BLOCK_SLOTS / 8;
const RECORD_HEAD_BYTES = 11;
const IMPORT = 1;
const EXPORT = 2;

interface Cell {
  readonly share: bigint;
  readonly tag: string;
  /** How often it is written. */
  times: number;
}

/** Cells by `meter/kind/slot`. */
type Store = Map<string, Cell>;

export interface SharesInput {
  readonly data: string;
  readonly aggregators: number;
  readonly threshold: number;
  readonly slotSeconds: number;
  readonly truth: Truth;
}

export function checkShares({ data, aggregators, threshold, slotSeconds, truth }: SharesInput): Findings[] {
  const stored = new Findings("stores", "every reading's share is in every aggregator's store once, and nothing else");
  const values = new Findings("shares", "the shares of a reading lie on one polynomial through what was fed");
  const stores = Array.from({ length: aggregators }, (_, i) => readStore(join(data, `a-${i + 1}`, "aggregator.db")));
  const due = dueCells(truth, slotSeconds, stores);
  for (const [i, store] of stores.entries()) {
    for (const key of due.keys()) {
      const times = store.get(key)?.times ?? 0;
      stored.look(times === 1, () => `a-${i + 1} holds ${key} ${times === 0 ? "not at all" : `${times} times`}`);
    }
    for (const key of store.keys()) if (!due.has(key)) stored.add(`a-${i + 1} holds ${key}, which was never fed`);
  }
  for (const [key, fed] of due) {
    const cells = stores.map((store) => store.get(key));
    const points = cells.flatMap((cell, i) => (cell === undefined ? [] : [{ x: BigInt(i + 1), y: cell.share }]));
    if (points.length < threshold) {
      values.look(false, () => `${key}: ${points.length} shares are left, ${threshold} are needed`);
      continue;
    }
    const isOne = new Set(cells.flatMap((cell) => cell?.tag ?? [])).size === 1;
    const first = points.slice(0, threshold);
    const isOn = points.slice(threshold).every(({ x, y }) => valueAt(first, x) === y);
    const value = valueAt(first, 0n);
    values.look(isOne && isOn && value === BigInt(fed), () => {
      if (value !== BigInt(fed)) return `${key}: the shares give ${value}, fed was ${fed}`;
      return `${key}: the shares ${isOn ? "have different tags" : "do not lie on one polynomial"}`;
    });
  }
  return [stored, values];
}

/** What was fed, by cell. A meter that has never exported may share zeros, or nothing. */
function dueCells(truth: Truth, slotSeconds: number, stores: readonly Store[]): Map<string, number> {
  const due = new Map<string, number>();
  for (const { meter, start, importWh, exportWh } of truth.readings) {
    const slot = start / slotSeconds;
    due.set(`${meter}/${IMPORT}/${slot}`, importWh);
    const key = `${meter}/${EXPORT}/${slot}`;
    if (truth.exporters.has(meter) || stores.some((store) => store.has(key))) due.set(key, exportWh);
  }
  return due;
}

/** Lagrange's polynomial through the points, at x. */
export function valueAt(points: readonly { readonly x: bigint; readonly y: bigint }[], x: bigint): bigint {
  let sum = 0n;
  for (const [i, { x: own, y }] of points.entries()) {
    let [above, below] = [1n, 1n];
    for (const [j, { x: other }] of points.entries()) {
      if (i === j) continue;
      above = modulo(above * (x - other));
      below = modulo(below * (own - other));
    }
    sum = modulo(sum + y * above * inverse(below));
  }
  return sum;
}

function modulo(value: bigint): bigint {
  return ((value % PRIME) + PRIME) % PRIME;
}

/** By Fermat: value^(p - 2). */
function inverse(value: bigint): bigint {
  let [result, base, exponent] = [1n, modulo(value), PRIME - 2n];
  for (; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) result = (result * base) % PRIME;
    base = (base * base) % PRIME;
  }
  return result;
}

function readStore(file: string): Store {
  const database = new Database(file, { readonly: true, fileMustExist: true });
  try {
    const names = new Map(
      database
        .prepare<[], { number: number; id: string }>("SELECT number, id FROM meters")
        .all()
        .map(({ number, id }) => [number, id]),
    );
    const store: Store = new Map();
    const add = (meter: number, kind: number, slot: number, entry: Buffer): void => {
      const key = `${names.get(meter) ?? `number ${meter}`}/${kind}/${slot}`;
      const times = (store.get(key)?.times ?? 0) + 1;
      store.set(key, { share: entry.readBigUInt64BE(0), tag: entry.subarray(8).toString("hex"), times });
    };
    const blocks = database.prepare<[], { id: number; body: Buffer }>("SELECT id, body FROM blocks");
    for (const { id, body } of blocks.iterate()) readBlock(id, body, add);
    const journal = database.prepare<[], { body: Buffer }>("SELECT body FROM journal");
    for (const { body } of journal.iterate()) readRecords(body, add);
    return store;
  } finally {
    database.close();
  }
}

type Add = (meter: number, kind: number, slot: number, entry: Buffer) => void;

/** id = meter x 2^29 + kind x 2^26 + first slot / 96; a bitmap, then the entries that are there. */
function readBlock(id: number, body: Buffer, add: Add): void {
  const meter = Math.floor(id / 2 ** 29);
  const kind = Math.floor(id / 2 ** 26) % 8;
  const first = (id % 2 ** 26) * BLOCK_SLOTS;
  let at = BITMAP_BYTES;
  for (let i = 0; i < BLOCK_SLOTS; i++) {
    if (((body[i >> 3] ?? 0) & (1 << (i & 7))) === 0) continue;
    add(meter, kind, first + i, body.subarray(at, at + ENTRY_BYTES));
    at += ENTRY_BYTES;
  }
}

/** Meter u32, kind u8, first slot u32, count u16, entries; one record behind the other. */
function readRecords(body: Buffer, add: Add): void {
  for (let at = 0; at < body.length; ) {
    const count = body.readUInt16BE(at + 9);
    const entries = at + RECORD_HEAD_BYTES;
    for (let i = 0; i < count; i++) {
      const entry = body.subarray(entries + i * ENTRY_BYTES, entries + (i + 1) * ENTRY_BYTES);
      add(body.readUInt32BE(at), body[at + 4] ?? 0, body.readUInt32BE(at + 5) + i, entry);
    }
    at = entries + count * ENTRY_BYTES;
  }
}
