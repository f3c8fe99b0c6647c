/** What the stores of analytics are tested for on SQLite holds on PostgreSQL as well, in its threads, too. */
// needs: initdb
import { test } from "node:test";
import { runOnServer } from "./testing/on-server.ts";

test("the tests of ciphertexts, computations, releases and the grid's history pass on PostgreSQL", async () => {
  await runOnServer([
    "analytics/ingest/ingest.test.ts",
    "analytics/homomorphic/engine.test.ts",
    "analytics/store/job-store.test.ts",
    "analytics/releases/desk.test.ts",
    "analytics/grid/service/tasks/statistics.test.ts",
  ]);
});
