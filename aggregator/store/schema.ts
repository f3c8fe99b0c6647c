/** The tables of aggregator.db. Each entry of MIGRATIONS brings the database from its index to the next version. */
export const MIGRATIONS: readonly string[] = [
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
];
