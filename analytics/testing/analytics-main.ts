/** The analytics role with circuits that cost nothing: a process for tests to kill. */
import path from "node:path";
import { openParty } from "../../config/keys/index.ts";
import { runRole } from "../../config/runtime/role-command.ts";
import { announceReady } from "../../config/runtime/role-report.ts";
import { startAnalytics } from "../server.ts";
import { fakeBook, FakeEvaluator } from "./fake-circuits.ts";

await runRole({
  name: "analytics",
  description: "Analytics with fake circuits.",
  run: async ({ config, log, process: { measure }, signal }) => {
    const party = openParty(path.join(config.paths.data, "keys", "analytics"));
    const evaluator = (database: string): FakeEvaluator => {
      const fake = new FakeEvaluator(database);
      fake.delay = Number(process.env["FAKE_DELAY"] ?? 0);
      return fake;
    };
    const leading = { subscriptions: [], accept: () => false, start: () => {} };
    const server = await startAnalytics({ config, party, log, measure, signal, book: fakeBook, evaluator, leading });
    announceReady();
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await server.stop();
  },
});
