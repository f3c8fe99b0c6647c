/**
 * The schema of `analytics.db`. Ciphertexts, what is computed on them, and opened results: nothing here can be read
 * without the aggregators. `migrations[i]` leads from version i to i + 1; a released one is never changed.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE TABLE roll (
    meter TEXT PRIMARY KEY,
    serial INTEGER NOT NULL,
    certificate BLOB NOT NULL
  ) STRICT;

  -- One ciphertext for a meter, series and window; the first stands. The bytes are those whose digest the meter sealed
  -- to the aggregators.
  CREATE TABLE ciphertexts (
    id INTEGER PRIMARY KEY,
    meter TEXT NOT NULL,
    series TEXT NOT NULL,
    first_slot INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    -- Of the keys that it is encrypted under.
    epoch INTEGER NOT NULL,
    stride INTEGER NOT NULL,
    parameters BLOB NOT NULL,
    digest BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    length INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (series, first_slot, meter)
  ) STRICT;

  CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Names a scheduled job, so that no restart schedules it twice; null for one that was asked for.
    key TEXT UNIQUE,
    -- Jobs of one command share it.
    request TEXT NOT NULL,
    circuit TEXT NOT NULL,
    parameters TEXT NOT NULL,
    label TEXT NOT NULL,
    feeders TEXT NOT NULL,
    series TEXT NOT NULL,
    first_slot INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    state TEXT NOT NULL,
    code TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    cancel INTEGER NOT NULL DEFAULT 0,
    -- Meters whose ciphertexts an aggregator found not to fit; JSON array.
    excluded TEXT NOT NULL DEFAULT '[]',
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    compute_ms INTEGER,
    -- From here on: what the computation gave, and who is to open it.
    job TEXT,
    transcript BLOB,
    active TEXT
  ) STRICT;
  CREATE INDEX jobs_by_state ON jobs (state, number);
  CREATE INDEX jobs_by_job ON jobs (job);
  CREATE INDEX jobs_by_window ON jobs (first_slot);
  CREATE INDEX jobs_by_request ON jobs (request);

  CREATE TABLE job_outputs (
    number INTEGER NOT NULL REFERENCES jobs (number),
    position INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    -- First half of the randomised output, for the utility; made when the active set is fixed.
    c0 BLOB,
    PRIMARY KEY (number, position)
  ) STRICT;

  CREATE TABLE he_results (
    job TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    circuit TEXT NOT NULL,
    label TEXT NOT NULL,
    series TEXT NOT NULL,
    first_slot INTEGER NOT NULL,
    slots INTEGER NOT NULL,
    inputs INTEGER NOT NULL,
    status TEXT NOT NULL,
    "values" TEXT NOT NULL,
    -- By name of a value; JSON objects.
    units TEXT NOT NULL,
    error_bounds TEXT NOT NULL,
    opened_by TEXT NOT NULL,
    opened_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX he_results_by_window ON he_results (first_slot, circuit);
  `,
  `
  -- Signed words of the aggregators that were ready when the active set was fixed; a CBOR array.
  ALTER TABLE jobs ADD COLUMN ready BLOB;
  `,
  `
  -- Feeders of the group that a job or a result is without; JSON arrays.
  ALTER TABLE jobs ADD COLUMN left_out TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE he_results ADD COLUMN left_out TEXT NOT NULL DEFAULT '[]';
  `,
  `
  -- Who opens an output, whatever job it is of: the mean of one feeder is opened like its sum.
  CREATE TABLE active_sets (output TEXT PRIMARY KEY, active TEXT NOT NULL) STRICT;
  `,
];
