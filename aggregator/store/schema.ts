/** The tables of aggregator.db. Each entry of MIGRATIONS brings the database from its index to the next version. */
import type { StoreMigration } from "../../config/runtime/sql.ts";

export const MIGRATIONS: readonly StoreMigration[] = [
  `
  -- Every meter this aggregator has known; numbers are never reused.
  CREATE TABLE meters (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    seen_boot INTEGER NOT NULL DEFAULT 0,      -- highest message number accepted
    seen_counter INTEGER NOT NULL DEFAULT 0,
    granted_boot INTEGER NOT NULL DEFAULT 0,   -- highest boot granted
    challenge BLOB                             -- the hello that it was granted to
  ) STRICT;

  -- Accepted shares, in the order of their commit; packed into blocks and deleted when there are many.
  CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    records INTEGER NOT NULL,
    body BLOB NOT NULL
  ) STRICT;

  -- Accepted shares by meter, kind and 96 slots; id = meter * 2^29 + kind * 2^26 + slot / 96.
  CREATE TABLE blocks (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;

  -- A slot that was sent again with another share or another tag; the first stands.
  CREATE TABLE tamper_events (
    meter INTEGER NOT NULL REFERENCES meters(number),
    kind INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (meter, kind, slot)
  ) STRICT, WITHOUT ROWID;

  -- This process's own boots: one more each time it starts.
  CREATE TABLE own_boot (one INTEGER PRIMARY KEY CHECK (one = 1), boot INTEGER NOT NULL) STRICT;
  INSERT INTO own_boot VALUES (1, 0);

  -- Root keys by version; 'trying' until a message has authenticated under it, then the older ones go.
  CREATE TABLE root_keys (
    meter INTEGER NOT NULL REFERENCES meters(number),
    version INTEGER NOT NULL,
    key BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('trying', 'current')),
    PRIMARY KEY (meter, version)
  ) STRICT, WITHOUT ROWID;

  -- Membership records the authority signed; 'certified' once q aggregators have countersigned.
  CREATE TABLE records (
    meter TEXT NOT NULL,
    serial INTEGER NOT NULL,
    record BLOB NOT NULL,
    countersignature BLOB,
    certificate BLOB,
    PRIMARY KEY (meter, serial)
  ) STRICT, WITHOUT ROWID;

  -- Sets this aggregator has endorsed, as the utility sent them; endorsements: proof that q aggregators did.
  CREATE TABLE sets (
    set_id BLOB PRIMARY KEY,
    content BLOB NOT NULL,
    endorsement BLOB NOT NULL,
    endorsements BLOB
  ) STRICT;

  -- The release store. Loads: which meters are in the load of a feeder, slot and kind.
  CREATE TABLE load_cells (
    feeder TEXT NOT NULL,
    kind INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    set_id BLOB NOT NULL,
    meters BLOB NOT NULL,                      -- meter numbers, u32 each
    PRIMARY KEY (feeder, kind, slot)
  ) STRICT, WITHOUT ROWID;
  -- Periods of a feeder that have been billed.
  CREATE TABLE periods (
    feeder TEXT NOT NULL,
    period_from INTEGER NOT NULL,
    period_to INTEGER NOT NULL,
    PRIMARY KEY (feeder, period_from)
  ) STRICT, WITHOUT ROWID;
  -- Bill outputs: one row for each output and segment that has cells.
  CREATE TABLE bill_cells (
    feeder TEXT NOT NULL,
    kind INTEGER NOT NULL,
    period_from INTEGER NOT NULL,              -- of the segment the cells lie in
    meter INTEGER NOT NULL,
    set_id BLOB NOT NULL,
    output INTEGER NOT NULL,
    slots BLOB NOT NULL,                       -- bitmap from period_from
    PRIMARY KEY (feeder, kind, period_from, meter, set_id, output)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX bill_cells_by_output ON bill_cells (set_id, output);
  `,
  `
  -- Digests of ciphertexts, each as its meter vouched for it. The first for a window of a series stands.
  CREATE TABLE he_digests (
    meter INTEGER NOT NULL REFERENCES meters(number),
    first_slot INTEGER NOT NULL,
    series TEXT NOT NULL,
    slots INTEGER NOT NULL,
    presence BLOB NOT NULL,                    -- bitmap over the window
    digest BLOB NOT NULL,
    PRIMARY KEY (meter, first_slot, series)
  ) STRICT, WITHOUT ROWID;

  -- A window that a meter vouched for again, with another content.
  CREATE TABLE he_conflicts (
    meter INTEGER NOT NULL REFERENCES meters(number),
    first_slot INTEGER NOT NULL,
    series TEXT NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (meter, first_slot, series)
  ) STRICT, WITHOUT ROWID;

  -- Jobs that this aggregator has checked and recomputed. outputs: what it computed, until it has opened them.
  CREATE TABLE he_jobs (
    job TEXT PRIMARY KEY,
    statistic BLOB NOT NULL,                   -- digest of circuit, feeders, series and window, without the inputs
    transcript BLOB NOT NULL,
    outputs BLOB,
    ready_at INTEGER NOT NULL,
    active TEXT                                -- who opened it, once it is opened
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX he_jobs_by_statistic ON he_jobs (statistic);
  CREATE INDEX he_jobs_by_age ON he_jobs (ready_at) WHERE active IS NULL;

  -- Numbers beyond the loads that jobs open: how many for each slot, of how many meters.
  CREATE TABLE he_numbers (
    feeder TEXT NOT NULL,
    kind INTEGER NOT NULL,
    first_slot INTEGER NOT NULL,
    job TEXT NOT NULL,
    slots INTEGER NOT NULL,
    numbers INTEGER NOT NULL,
    meters BLOB NOT NULL,                      -- of the whole group, for each slot, u32 each
    PRIMARY KEY (feeder, kind, first_slot, job)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX he_numbers_by_job ON he_numbers (job);

  -- Every c1 that the key share was ever multiplied with. partial: the answer, to be given again.
  CREATE TABLE he_openings (
    number INTEGER PRIMARY KEY,
    c1 BLOB NOT NULL,                          -- digest, after randomisation
    level INTEGER NOT NULL,
    output_c1 BLOB NOT NULL,                   -- digest, before randomisation
    key TEXT NOT NULL,                         -- epoch and parameter set
    job TEXT NOT NULL,
    output INTEGER NOT NULL,
    active TEXT NOT NULL,
    partial BLOB,
    UNIQUE (c1, level)
  ) STRICT;
  CREATE INDEX he_openings_by_output ON he_openings (output_c1, level);
  CREATE INDEX he_openings_by_job ON he_openings (job);
  CREATE INDEX he_openings_by_key ON he_openings (key);
  `,
  `
  -- Numbers beyond the loads that statistics open, once one was said to be ready: how many for each slot, and of how many
  -- meters of the feeder. Never removed: what was said is known elsewhere. (Before, it was counted otherwise.)
  DROP TABLE he_numbers;
  CREATE TABLE he_numbers (
    kind INTEGER NOT NULL,
    first_slot INTEGER NOT NULL,
    statistic BLOB NOT NULL,                   -- as in he_jobs
    feeder TEXT NOT NULL,
    numbers INTEGER NOT NULL,
    meters BLOB NOT NULL,                      -- for each slot, u32 each
    PRIMARY KEY (kind, first_slot, statistic, feeder)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Meters with a value in each slot of the window; a JSON array.
  ALTER TABLE he_jobs ADD COLUMN meters TEXT NOT NULL DEFAULT '[]';
  `,
  `
  -- Shares of bits, where readings are shared so, as they were accepted: for each slot a share of each bit, lowest first,
  -- and the tag. What they add up to is in the blocks, as the share of the reading.
  CREATE TABLE bit_shares (
    meter INTEGER NOT NULL REFERENCES meters(number),
    kind INTEGER NOT NULL,
    first_slot INTEGER NOT NULL,
    bits INTEGER NOT NULL,
    body BLOB NOT NULL,                        -- 8 (bits + 1) bytes for each of consecutive slots
    PRIMARY KEY (meter, kind, first_slot)
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Announced learning rounds. sums: of the endorsed set, 8 bytes for each element, once its shares were added up.
  CREATE TABLE vector_rounds (
    round TEXT PRIMARY KEY,                    -- 32 hex digits
    closes_at INTEGER NOT NULL,
    min_meters INTEGER NOT NULL,
    max_meters INTEGER NOT NULL,
    elements INTEGER NOT NULL,
    sums BLOB
  ) STRICT;

  -- Shares of homes' vectors as they came, until their round is summed: a seed, or elements of 61 bits without gaps.
  CREATE TABLE vector_shares (
    round TEXT NOT NULL REFERENCES vector_rounds(round),
    meter INTEGER NOT NULL REFERENCES meters(number),
    tag BLOB NOT NULL,
    seeded INTEGER NOT NULL,
    body BLOB NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX vector_shares_by_round ON vector_shares (round, meter);

  -- The one set of each learning round that was endorsed; never removed.
  CREATE TABLE vector_sets (round TEXT PRIMARY KEY, set_id BLOB NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- Rounds with a bound, of which homes share bits: how elements are made of them, as JSON. elements counts what is shared.
  ALTER TABLE vector_rounds ADD COLUMN bounded TEXT;
  `,
  {
    // day: which 96 slots, as in the id. What is asked for by it touches the partitions of that time alone.
    sqlite: "ALTER TABLE blocks ADD COLUMN day INTEGER GENERATED ALWAYS AS (id % 67108864) VIRTUAL",
    // Shares by time, 32 days each (share-partitions.ts); `_rest` has what no partition is there for.
    postgres: `
  ALTER TABLE blocks RENAME TO blocks_before;
  CREATE TABLE blocks (
    id BIGINT NOT NULL,
    body BYTEA NOT NULL,
    day BIGINT NOT NULL CHECK (day = id % 67108864),
    PRIMARY KEY (id, day)
  ) PARTITION BY RANGE (day);
  CREATE TABLE blocks_rest PARTITION OF blocks DEFAULT;
  ALTER TABLE bit_shares RENAME TO bit_shares_before;
  CREATE TABLE bit_shares (
    meter BIGINT NOT NULL REFERENCES meters(number),
    kind BIGINT NOT NULL,
    first_slot BIGINT NOT NULL,
    bits BIGINT NOT NULL,
    body BYTEA NOT NULL,
    PRIMARY KEY (meter, kind, first_slot)
  ) PARTITION BY RANGE (first_slot);
  CREATE TABLE bit_shares_rest PARTITION OF bit_shares DEFAULT;
  DO $$
  DECLARE p BIGINT;
  BEGIN
    FOR p IN SELECT (id % 67108864) / 32 FROM blocks_before UNION SELECT first_slot / 3072 FROM bit_shares_before
    LOOP
      EXECUTE format('CREATE TABLE blocks_p%s PARTITION OF blocks FOR VALUES FROM (%s) TO (%s)', p, 32 * p, 32 * p + 32);
      EXECUTE format(
        'CREATE TABLE bit_shares_p%s PARTITION OF bit_shares FOR VALUES FROM (%s) TO (%s)', p, 3072 * p, 3072 * p + 3072);
    END LOOP;
  END $$;
  INSERT INTO blocks SELECT id, body, id % 67108864 FROM blocks_before;
  INSERT INTO bit_shares SELECT meter, kind, first_slot, bits, body FROM bit_shares_before;
  DROP TABLE blocks_before;
  DROP TABLE bit_shares_before;
  `,
  },
  `
  -- What the worker that answers rounds tells those that take in shares (workers/notices.ts), as JSON.
  CREATE TABLE notices (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL) STRICT;
  `,
  `
  -- One row once the database was put back from a copy (release/lost-history.ts), which writes it and makes the table for it
  -- where the copy is older. before_slot: what is of earlier slots may be forgotten; NULL until the time is known.
  CREATE TABLE IF NOT EXISTS restored (one INTEGER PRIMARY KEY CHECK (one = 1), before_slot INTEGER) STRICT;
  `,
  `
  -- The aggregator whose database this is (owner.ts), from its first start with this table on.
  CREATE TABLE owner (one INTEGER PRIMARY KEY CHECK (one = 1), party TEXT NOT NULL) STRICT;
  `,
];
