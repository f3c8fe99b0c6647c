/** `npm run analytics`: the analytics server as a process of its own. It holds ciphertexts and no key that opens one. */
import path from "node:path";
import { CkksWatch, openParty } from "../config/keys/index.ts";
import { type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { announceReady } from "../config/runtime/role-report.ts";
import { aborted } from "../config/runtime/stop-signal.ts";
import { createBook } from "./homomorphic/book.ts";
import { createEvaluator } from "./homomorphic/engine.ts";
import { startAnalytics } from "./server.ts";

async function run({ config, log, process: processLog, signal }: RoleContext): Promise<void> {
  if (!config.homomorphic.enabled) {
    throw new UsageError("homomorphic.enabled is false: meters send no ciphertexts, so there is nothing to compute on");
  }
  const party = openParty(path.join(config.paths.data, "keys", "analytics"));
  const dealt = new CkksWatch(party, (error) => log.warn(error instanceof Error ? error.message : String(error)));
  const server = await startAnalytics({
    config,
    party,
    log,
    measure: processLog.measure,
    signal,
    book: createBook(config, dealt),
    evaluator: (database) => createEvaluator(config, database, config.analytics.workers, dealt),
  });
  announceReady({ id: party.id });
  log.info({ meters: server.meters }, "analytics is ready");
  await aborted(signal);
  await server.stop();
}

await runRole({
  name: "analytics",
  description: "Takes in ciphertexts, computes on them, and has aggregators open the results.",
  run,
});
