/** Where the configuration puts a party's database, and which addresses it refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, loadConfig } from "../index.ts";
import { storePlace } from "./place.ts";

function configWith(url: string): ReturnType<typeof loadConfig> {
  return loadConfig({ env: {}, flags: [{ name: "test", path: "storage.url", value: url }] });
}

test("a file of the party's folder, where no server is named", () => {
  const place = storePlace(loadConfig({ env: {}, flags: [] }), "a-1", "aggregator.db");
  assert.equal(place, "data/a-1/aggregator.db");
});

test("on a server a schema and a login for each party; a server elsewhere must prove its name", () => {
  const far = configWith("postgresql://db.example.org/wattveil?sslrootcert=/etc/ca.pem");
  assert.equal(
    storePlace(far, "a-1", "aggregator.db"),
    "postgresql://db.example.org/wattveil?sslrootcert=%2Fetc%2Fca.pem&user=wattveil_a_1&sslmode=verify-full#a_1",
  );
  // The HTTP interface reads the utility's with a login of its own.
  assert.match(storePlace(far, "utility", "utility.db", "api"), /user=wattveil_api&.*#utility$/);
  assert.equal(
    storePlace(configWith("postgresql://own@localhost:5433/wattveil"), "utility", "utility.db"),
    "postgresql://own@localhost:5433/wattveil?sslmode=disable#utility",
  );
});

test("refuses addresses that hold a password, name no database, or take any server for the right one", () => {
  const refused = (url: string, text: RegExp): void => {
    assert.throws(
      () => configWith(url),
      (error) => error instanceof ConfigError && text.test(error.message),
    );
  };
  refused("postgresql://u:secret@db.example.org/wattveil", /a password must not stand here/);
  refused("postgresql://db.example.org/wattveil?password=secret", /a password must not stand here/);
  refused("postgresql://db.example.org", /expected the name of a database/);
  refused("postgresql://db.example.org/wattveil#a_1", /expected no # part/);
  refused("postgresql://db.example.org/wattveil?sslmode=require", /does not check who the server is/);
  refused("postgresql://db.example.org/wattveil?sslmode=disable", /only for a server on this machine/);
  refused("mysql://db.example.org/wattveil", /expected empty, or postgresql:/);
});
