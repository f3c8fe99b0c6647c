/** Tables of the meter's durable memory (outbox.ts), and how they came about. */

/** In order; what stands here was applied somewhere and never changes. */
export const MIGRATIONS = [
  `CREATE TABLE meters (
     number INTEGER PRIMARY KEY,
     meter TEXT NOT NULL UNIQUE,
     boot INTEGER NOT NULL DEFAULT 0,
     settled_slot INTEGER NOT NULL DEFAULT -1,
     register_state TEXT NOT NULL DEFAULT '{}'
   );
   -- Runs of consecutive slots: readings holds 8 bytes (IEEE 754, little endian, whole watt-hours) for each slot.
   CREATE TABLE runs (
     meter INTEGER NOT NULL REFERENCES meters (number),
     kind INTEGER NOT NULL,
     first_slot INTEGER NOT NULL,
     readings BLOB NOT NULL,
     PRIMARY KEY (meter, kind, first_slot)
   ) WITHOUT ROWID;
   CREATE TABLE gaps (
     meter INTEGER NOT NULL REFERENCES meters (number),
     kind INTEGER NOT NULL,
     from_slot INTEGER NOT NULL,
     to_slot INTEGER NOT NULL,
     reason TEXT NOT NULL,
     PRIMARY KEY (meter, kind, from_slot, reason)
   ) WITHOUT ROWID;`,
  `-- One row for each window of a series that was encrypted, or that cannot be. sealed: as it goes to analytics, until
   -- nobody waits for it any more. waiting: bit 0 for analytics, bit x for aggregator x. answers: JSON, who said what.
   CREATE TABLE ciphertexts (
     id INTEGER PRIMARY KEY,
     meter INTEGER NOT NULL REFERENCES meters (number),
     series TEXT NOT NULL,
     first_slot INTEGER NOT NULL,
     slots INTEGER NOT NULL,
     epoch INTEGER NOT NULL,
     presence BLOB NOT NULL,
     digest BLOB NOT NULL,
     sealed BLOB,
     waiting INTEGER NOT NULL,
     answers TEXT NOT NULL DEFAULT '{}',
     UNIQUE (meter, series, first_slot)
   );
   CREATE INDEX ciphertexts_waiting ON ciphertexts (meter, first_slot) WHERE waiting <> 0;
   -- Slots that aggregators have, but not in their load: they are left out of ciphertexts, too.
   CREATE TABLE late (
     meter INTEGER NOT NULL REFERENCES meters (number),
     kind INTEGER NOT NULL,
     from_slot INTEGER NOT NULL,
     to_slot INTEGER NOT NULL,
     PRIMARY KEY (meter, kind, from_slot)
   ) WITHOUT ROWID;`,
  `-- By aggregator: what one alone says takes nothing out of a ciphertext.
   DROP TABLE late;
   CREATE TABLE late (
     meter INTEGER NOT NULL REFERENCES meters (number),
     kind INTEGER NOT NULL,
     from_slot INTEGER NOT NULL,
     aggregator INTEGER NOT NULL,
     to_slot INTEGER NOT NULL,
     PRIMARY KEY (meter, kind, from_slot, aggregator)
   ) WITHOUT ROWID;`,
  `-- One row for each learning round that this home takes part in. vector: its noised field elements, 8 bytes each, until
   -- nobody waits for them or the round has closed. waiting: bit x for aggregator x. answers: JSON, who said what.
   CREATE TABLE updates (
     id INTEGER PRIMARY KEY,
     meter INTEGER NOT NULL REFERENCES meters (number),
     round TEXT NOT NULL,
     campaign TEXT NOT NULL,
     step INTEGER NOT NULL,
     closes_at INTEGER NOT NULL,
     vector BLOB,
     waiting INTEGER NOT NULL,
     answers TEXT NOT NULL DEFAULT '{}',
     UNIQUE (meter, round)
   );
   -- The privacy account, kept for good. rdp: JSON, at the orders of the protocol; NULL for a round without noise.
   CREATE TABLE privacy_charges (
     id INTEGER PRIMARY KEY,
     meter INTEGER NOT NULL REFERENCES meters (number),
     round TEXT NOT NULL,
     rdp TEXT,
     UNIQUE (meter, round)
   );`,
  // What a round was for: train, load or histogram. NULL: from before it was remembered.
  "ALTER TABLE updates ADD COLUMN task TEXT;",
  // What the household allowed when the meter last ran, for whoever reads the account with another configuration.
  `CREATE TABLE privacy_budgets (
     meter INTEGER PRIMARY KEY REFERENCES meters (number),
     epsilon REAL NOT NULL,
     delta REAL NOT NULL
   );`,
];
