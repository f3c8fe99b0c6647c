/** Tables of `<data>/api/api.db`. What was released is never changed: what is new comes behind it. */
export const MIGRATIONS = [
  `CREATE TABLE accounts (
     name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0,
     created_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE account_meters (
     account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE, meter_id TEXT NOT NULL, PRIMARY KEY (account, meter_id)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE sessions (
     hash BLOB PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE, created_at INTEGER NOT NULL,
     used_at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE tokens (
     id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
     label TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, last_used INTEGER
   ) STRICT;
   CREATE TABLE audit (
     id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, account TEXT, address TEXT NOT NULL, action TEXT NOT NULL,
     outcome TEXT NOT NULL, detail TEXT NOT NULL
   ) STRICT;
   CREATE INDEX audit_refused ON audit (account, at) WHERE outcome = 'refused';`,
  // Failures are counted by name and network, and networks from which somebody signed in are remembered.
  `DROP INDEX audit_refused;
   CREATE TABLE known_networks (
     account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE, network TEXT NOT NULL, at INTEGER NOT NULL,
     PRIMARY KEY (account, network)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE sign_in_failures (
     id INTEGER PRIMARY KEY, name TEXT NOT NULL, network TEXT NOT NULL, known INTEGER NOT NULL, at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX sign_in_failures_name ON sign_in_failures (name, at);
   CREATE INDEX sign_in_failures_time ON sign_in_failures (at);`,
];
