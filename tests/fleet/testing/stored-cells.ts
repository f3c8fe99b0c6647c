/** Reads a share store as it lies on the disk, apart from the aggregator: which cell is there how often, with which tag. */
import { join } from "node:path";
import { Block, BLOCK_SLOTS } from "../../../aggregator/store/block.ts";
import { openStore } from "../../../config/runtime/store.ts";
import { readRecords } from "../../../aggregator/store/journal.ts";
import { ENTRY_BYTES } from "../../../protocol/shamir/share-entries.ts";

export interface StoredCell {
  /** How often the cell is written: once in the journal, or once in a block. */
  readonly times: number;
  /** Polynomial tag in hex, equal for all aggregators. */
  readonly tag: string;
}

/** All cells of the store in the folder `data` by `meter/kind/slot`. */
export function storedCells(data: string, aggregator: number): Map<string, StoredCell> {
  return cellsAt(join(data, `a-${aggregator}`, "aggregator.db"));
}

/** The same of a store that may be on a server. */
export function cellsAt(place: string): Map<string, StoredCell> {
  const database = openStore(place, { synchronous: "NORMAL", readonly: true });
  try {
    const names = new Map(
      database
        .prepare<[], { number: number; id: string }>("SELECT number, id FROM meters")
        .all()
        .map(({ number, id }) => [number, id]),
    );
    const cells = new Map<string, StoredCell>();
    const add = (meter: number, kind: number, slot: number, entry: Uint8Array): void => {
      const key = `${names.get(meter) ?? meter}/${kind}/${slot}`;
      const tag = Buffer.from(entry.subarray(8, ENTRY_BYTES)).toString("hex");
      cells.set(key, { times: (cells.get(key)?.times ?? 0) + 1, tag });
    };
    for (const { id, body } of database
      .prepare<[], { id: number; body: Buffer }>("SELECT id, body FROM blocks")
      .all()) {
      const { bits, entries } = Block.decode(body);
      const meter = Math.floor(id / 2 ** 29);
      const kind = Math.floor(id / 2 ** 26) % 8;
      const first = (id % 2 ** 26) * BLOCK_SLOTS;
      for (let index = 0; index < BLOCK_SLOTS; index++) {
        if (((bits[index >>> 3] ?? 0) & (1 << (index & 7))) === 0) continue;
        add(meter, kind, first + index, entries.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES));
      }
    }
    for (const { body } of database.prepare<[], { body: Buffer }>("SELECT body FROM journal").all()) {
      for (const { meter, kind, firstSlot, entries } of readRecords(body)) {
        for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
          add(meter, kind, firstSlot + at / ENTRY_BYTES, entries.subarray(at, at + ENTRY_BYTES));
        }
      }
    }
    return cells;
  } finally {
    database.close();
  }
}
