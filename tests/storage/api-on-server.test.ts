/** What the HTTP interface's own stores are tested for on SQLite holds on PostgreSQL as well. */
// needs: initdb
import { test } from "node:test";
import { runOnServer } from "./testing/on-server.ts";

test("the tests of the interface's accounts, sessions, audit and alerts pass on PostgreSQL", async () => {
  await runOnServer([
    "utility/api/access/sign-ins.test.ts",
    "utility/api/alerts/engine.test.ts",
    "utility/api/routes/alert-routes.test.ts",
    "utility/api/routes/session-routes.test.ts",
  ]);
});
