/**
 * `npm run analytics`: the analytics server as a process of its own. It holds ciphertexts and no key that opens one, and leads
 * rounds of learning, of which it sees noised sums.
 */
import path from "node:path";
import { CkksWatch, openParty } from "../config/keys/index.ts";
import { METRICS_OFFSETS, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { announceReady } from "../config/runtime/role-report.ts";
import { aborted } from "../config/runtime/stop-signal.ts";
import { GridService } from "./grid/service/service.ts";
import { startLead } from "./lead.ts";
import { Leading } from "./releases/leading.ts";

type Part = Pick<Leading, "subscriptions" | "accept" | "start" | "stop">;

async function run(context: RoleContext): Promise<void> {
  const { config, log, signal } = context;
  const { releases, campaign } = config.analytics;
  const leads = config.learning.enabled || releases.length > 0 || campaign !== "";
  if (!config.homomorphic.enabled && !leads && !config.grid.enabled) {
    throw new UsageError(
      "homomorphic.enabled is false: meters send no ciphertexts, so there is nothing to compute on; learning.enabled " +
        "is false, with no analytics.releases and no analytics.campaign: nothing to lead; and grid.enabled is false",
    );
  }
  const party = openParty(path.join(config.paths.data, "keys", "analytics"));
  const grid = config.grid.enabled ? await GridService.open({ config, party, log }) : undefined;
  const rounds = await Leading.open({ config, party, log });
  const leading = grid === undefined ? rounds : besides(rounds, grid);
  const stop = config.homomorphic.enabled
    ? await compute(context, party, leading)
    : await startLead({ config, party, log, signal, leading });
  announceReady({ id: party.id });
  await aborted(signal);
  await leading.stop();
  await stop();
}

/** Two parts on one connection: a message belongs to the first that takes it. */
function besides(rounds: Leading, grid: GridService): Part {
  return {
    subscriptions: [...rounds.subscriptions, ...grid.subscriptions],
    accept: (topic, payload) => rounds.accept(topic, payload) || grid.accept(topic, payload),
    start: (ports) => {
      rounds.start(ports);
      grid.start(ports);
    },
    stop: async () => {
      await Promise.all([rounds.stop(), grid.stop()]);
    },
  };
}

async function compute(
  { config, log, process: processLog, signal }: RoleContext,
  party: ReturnType<typeof openParty>,
  leading: Part,
): Promise<() => Promise<void>> {
  // Nobody who only leads needs what computes on ciphertexts.
  const { createBook } = await import("./homomorphic/book.ts");
  const { createEvaluator } = await import("./homomorphic/engine.ts");
  const { startAnalytics } = await import("./server.ts");
  const dealt = new CkksWatch(party, (error) => log.warn(error instanceof Error ? error.message : String(error)));
  const server = await startAnalytics({
    ...{ config, party, log, signal, leading },
    measure: processLog.measure,
    book: createBook(config, dealt),
    evaluator: (database) => createEvaluator(config, database, config.analytics.workers, dealt),
  });
  log.info({ meters: server.meters }, "analytics is ready");
  return () => server.stop();
}

await runRole({
  name: "analytics",
  metricsOffset: () => METRICS_OFFSETS.analytics,
  description:
    "Takes in ciphertexts, computes on them, and has aggregators open the results; asks homes for what they learn together; " +
    "operates the grid.",
  help: `With homomorphic.enabled it computes on ciphertexts (npm run he). It leads the campaign of analytics.campaign, and asks for
the noised loads and histograms of analytics.releases and of \`npm run learn -- ask\`; one such round is open at a time. With grid.enabled it
operates a grid (docs/grid.md).`,
  run,
});
