/** The tables of the log (docs/ledger.md). Entries and full tiles are only ever added. */

export interface LedgerEntriesTable {
  /** From 0, without a gap. */
  idx: number;
  type: string;
  /** The very bytes that are hashed. */
  entry: Uint8Array;
}

/** Hashes of the tree: 256 in a full tile, fewer in the last one of a level. */
export interface LedgerTilesTable {
  level: number;
  tile: number;
  hashes: Uint8Array;
}

/** What entries commit to. Salt and content are NULL once they are erased. */
export interface LedgerPrivateTable {
  idx: number;
  /** What the content is about: `bill m-001 2025-01-01 2025-02-01 1`. */
  subject: string;
  salt: Uint8Array | null;
  content: Uint8Array | null;
}

/** One row: the tree as it is now, signed. */
export interface LedgerHeadTable {
  id: number;
  size: number;
  root: Uint8Array;
  /** The signed note. */
  checkpoint: string;
}

/** Checkpoints that somebody else has seen, with the cosignatures that have come. */
export interface LedgerCheckpointsTable {
  size: number;
  checkpoint: string;
  cosignatures: number;
  /** 1 once it was published with the cosignatures that it has. */
  published: number;
}

export interface LedgerTables {
  ledger_entries: LedgerEntriesTable;
  ledger_tiles: LedgerTilesTable;
  ledger_private: LedgerPrivateTable;
  ledger_head: LedgerHeadTable;
  ledger_checkpoints: LedgerCheckpointsTable;
}
