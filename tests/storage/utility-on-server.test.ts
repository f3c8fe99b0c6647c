/** What the utility's stores are tested for on SQLite holds on PostgreSQL as well. */
// needs: initdb
import { test } from "node:test";
import { runOnServer } from "./testing/on-server.ts";

test("the tests of the utility's stores pass on PostgreSQL", async () => {
  await runOnServer([
    "utility/store/open.test.ts",
    "utility/customers.test.ts",
    "utility/ledger/ledger.test.ts",
    "utility/opened/opened-store.test.ts",
    "utility/rounds/restart.test.ts",
  ]);
});
