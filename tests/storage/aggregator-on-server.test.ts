/** What the aggregators' stores are tested for on SQLite holds on PostgreSQL as well. */
// needs: initdb
import { test } from "node:test";
import { runOnServer } from "./testing/on-server.ts";

test("the tests of the aggregators' stores pass on PostgreSQL", async () => {
  await runOnServer([
    "aggregator/store/share-store.test.ts",
    "aggregator/store/share-gaps.test.ts",
    "aggregator/store/share-retention.test.ts",
    "aggregator/intake/intake.test.ts",
    "aggregator/membership/membership.test.ts",
    "aggregator/release/rules.test.ts",
    "aggregator/rounds/desk.test.ts",
  ]);
});
