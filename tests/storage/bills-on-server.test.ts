/** Bills and balances come out on PostgreSQL as they do on SQLite. */
// needs: initdb
import { test } from "node:test";
import { runOnServer } from "./testing/on-server.ts";

test("the tests of bills and balances pass on PostgreSQL", async () => {
  await runOnServer(["utility/bills/bills.test.ts", "utility/balance/rounds.test.ts"]);
});
