/** Who gets at the utility's database on a server: the interface may read it and no more, and only the right server is told anything. */
// needs: initdb
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { StorageError } from "../../config/runtime/database.ts";
import { openStore } from "../../config/runtime/store.ts";
import { TestAuthority } from "../../config/runtime/testing/certificates.ts";
import { TemporaryServer } from "../../config/runtime/postgres/temporary-server.ts";
import { openForReading, openUtilityDatabase } from "../../utility/store/open.ts";

const FULL = { synchronous: "FULL" } as const;

test("the login of the HTTP interface reads what the utility writes, later tables too, and changes nothing", async (t) => {
  const server = await TemporaryServer.start();
  t.after(() => server.stop());
  server.addParty("utility");
  // As docs/postgresql.md says.
  server.query("CREATE ROLE wattveil_api LOGIN");
  server.query("GRANT USAGE ON SCHEMA utility TO wattveil_api");
  server.query("GRANT SELECT ON ALL TABLES IN SCHEMA utility TO wattveil_api");
  server.query(
    "ALTER DEFAULT PRIVILEGES FOR ROLE wattveil_utility IN SCHEMA utility GRANT SELECT ON TABLES TO wattveil_api",
  );
  const utility = await openUtilityDatabase(server.place("utility", "wattveil_utility"), { alone: true });
  await utility.insertInto("meta").values({ key: "a", value: "1" }).execute();
  const place = server.place("utility", "wattveil_api");
  const reader = openForReading(place);
  assert.deepEqual(await reader.selectFrom("meta").selectAll().execute(), [{ key: "a", value: "1" }]);
  assert.deepEqual(await reader.selectFrom("current_bills").selectAll().execute(), []);
  await assert.rejects(reader.deleteFrom("meta").execute(), /cannot be written/);
  // The server says no as well, where a reader does not call itself one.
  const writer = openStore(place, FULL);
  assert.throws(() => writer.prepare("DELETE FROM meta").run(), /login may not do that/);
  writer.close();
  await reader.destroy();
  await utility.destroy();
});

test("over TLS only the server with the right name and authority is spoken to", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-tls-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [authority, stranger] = [await TestAuthority.create(), await TestAuthority.create()];
  const tls = await authority.issue("localhost", "server");
  const other = await stranger.issue("localhost", "server");
  writeFileSync(path.join(folder, "ca.pem"), tls.ca);
  writeFileSync(path.join(folder, "other.pem"), other.ca);
  const server = await TemporaryServer.start({ tls });
  t.after(() => server.stop());
  const place = (host: string, ca: string): string =>
    `postgresql://wattveil@${host}:${server.port}/wattveil?sslmode=verify-full&sslrootcert=${path.join(folder, ca)}#a_1`;
  const db = openStore(place("localhost", "ca.pem"), FULL);
  assert.equal(db.prepare("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").pluck().get(), 1);
  db.close();
  const refused = (error: unknown): boolean => error instanceof StorageError && error.code === "lost";
  assert.throws(() => openStore(place("localhost", "other.pem"), FULL), refused);
  assert.throws(() => openStore(place("127.0.0.1", "ca.pem"), FULL), refused);
});
