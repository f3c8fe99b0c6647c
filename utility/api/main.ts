/** `npm run api`: the HTTP interface as a process of its own. It reads the utility's database and holds no key of it. */
import path from "node:path";
import { accountsPlace, alertsPlace, storePlace } from "../../config/storage/place.ts";
import { openParty } from "../../config/keys/index.ts";
import { logPolicy } from "../../config/log-policy.ts";
import { brokerAddress } from "../../config/runtime/broker-address.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import { Refusals } from "../../config/runtime/refusals.ts";
import { METRICS_OFFSETS, EXIT, type RoleContext, runRole, UsageError } from "../../config/runtime/role-command.ts";
import { announceReady } from "../../config/runtime/role-report.ts";
import { createSimClockFeed } from "../../config/runtime/sim-clock-feed.ts";
import { aborted } from "../../config/runtime/stop-signal.ts";
import { filterOf } from "../../protocol/topics.ts";
import { AccessStore } from "./access/access-store.ts";
import { addDemoAccounts } from "./access/demo-accounts.ts";
import { PasswordDesk } from "./access/password-desk.ts";
import { ScryptThreads } from "./access/scrypt-threads.ts";
import { AlertWatch, GridNamesCache, openAlerts } from "./alerts/index.ts";
import { UtilityReader } from "./context.ts";
import { Dashboard } from "./dashboard/dashboard.ts";
import { GridClient } from "./grid/grid-client.ts";
import { ChangeWatch } from "./live/change-watch.ts";
import { LiveHub } from "./live/live-hub.ts";
import { createApi } from "./server.ts";

const SUBSCRIPTIONS = [
  filterOf("feederLoad"),
  filterOf("grid"),
  filterOf("alert"),
  filterOf("heResult"),
  filterOf("logCheckpoint"),
  filterOf("learnAnnounce"),
  filterOf("learnResult"),
  ...GridClient.subscriptions,
];
const LOOK_MILLISECONDS = 250;

interface Flags {
  readonly demoAccounts?: string;
  readonly demoMeter?: string;
  readonly demoShowcase?: string;
}

async function run({ config, log, signal, options }: RoleContext): Promise<number> {
  const { demoAccounts, demoMeter, demoShowcase }: Flags = options;
  if ((demoAccounts ?? demoShowcase) !== undefined && (!config.simulation.enabled || config.system.production)) {
    throw new UsageError("--demo-accounts, --demo-showcase: only a simulated system has anything for a demonstration");
  }
  const party = openParty(path.join(config.paths.data, "keys", "api"));
  const utilityKey = party.directory.servers.get("utility")?.signKey;
  if (utilityKey === undefined) throw new UsageError("the directory lists no key of the utility");
  const store = AccessStore.open(accountsPlace(config));
  const utility = new UtilityReader(storePlace(config, "utility", "utility.db", "api"));
  const live = new LiveHub();
  const { enabled, requestSeconds, maxRequests, requestsPerAccount, scanSeconds } = config.grid;
  const grid = new GridClient({
    ...{ enabled, requestSeconds, maxRequests, requestsPerAccount, scanSeconds },
    warn: (fields, message) => log.warn(fields, message),
  });
  const now = (): number => Date.now() / 1_000;
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const feed = createSimClockFeed({ config, directory: party.directory, refusals });
  let link: Link | undefined;
  // Lost while the broker is away: what is open can be asked for.
  const publish = (topic: string, payload: string): void => void link?.publish(topic, payload).catch(() => {});
  const alerts = openAlerts({ config, place: alertsPlace(config), live, now, publish, log });
  const policy = logPolicy(config, utilityKey);
  const demo = { file: demoAccounts ?? "", meter: demoMeter, now: now() };
  const madeAccounts = demoAccounts !== undefined && (await addDemoAccounts(store, demo));
  const threads = new ScryptThreads(config.api.passwordThreads);
  const passwords = new PasswordDesk({ ...config.api, derive: threads.derive });
  const pages = { dashboard: new Dashboard(), showcaseFile: demoShowcase };
  const app = await createApi(
    { config, store, passwords, utility, live, grid, alerts: alerts.engine, policy, now, ...pages },
    log,
  );
  const watch = new ChangeWatch(utility.place, () => live.emit("rounds", "{}"), LOOK_MILLISECONDS);
  const names = new GridNamesCache({ ask: () => grid.topology(), now });
  const alertWatch = new AlertWatch({
    ...{ engine: alerts.engine, live, utility, now, slotSeconds: config.system.slotSeconds },
    epsilonBudget: config.learning.epsilon,
    time: () => feed.clock.now(),
    namesOf: (digest) => names.of(digest),
  });
  alertWatch.start(config.alerts.lookSeconds, fail);
  const { host, port } = config.api;
  const address = await app.listen({ host, port }).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`api.port: ${host}:${port} cannot be listened on (${code ?? String(error)})`);
  });
  const connecting = connectLink({
    party,
    ...brokerAddress(config),
    subscriptions: [...SUBSCRIPTIONS, ...feed.subscriptions],
    onMessage: (topic, payload) => {
      grid.message(topic, payload);
      if (!feed.accept(topic, payload)) live.message(topic, payload);
    },
    onConnect: (connected) => {
      live.connected = true;
      grid.connect((topic, payload) => connected.publish(topic, payload));
    },
    onDisconnect: () => {
      live.connected = false;
    },
    alone: true,
    log,
    settings: config.link,
    signal,
  });
  // Whoever asks while the broker is away is told so, and still gets what is in the database.
  connecting.then(
    (made) => (link = made),
    (error: unknown) => {
      if (!signal.aborted) fail(error);
    },
  );
  if (store.accounts().length === 0) log.warn("there is no account yet: npm run accounts -- add NAME --role admin");
  // A fleet tells its user by itself.
  if (process.send === undefined) process.stdout.write(`The dashboard: ${address}/app/   Routes: ${address}/docs\n`);
  announceReady({ id: party.id, address, madeAccounts });
  log.info({ address }, "the HTTP interface is ready");
  await aborted(signal);
  watch.stop();
  await alertWatch.stop();
  await app.close();
  await threads.stop();
  await alerts.stop();
  await (await connecting.catch(() => undefined))?.close();
  await utility.close();
  store.close();
  return EXIT.ok;
}

/** Ends the process with an error that nobody waits for. */
function fail(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

await runRole({
  name: "api",
  metricsOffset: () => METRICS_OFFSETS.api,
  description: "Serves bills, loads, rounds, results, the log and live events over HTTP, and the dashboard.",
  help: "`/docs` shows what it can be asked. Accounts are made by `npm run accounts`.",
  flags: [
    {
      flags: "--demo-accounts <file>",
      description: "simulations: where there is no account, makes one per role and writes the passwords there",
    },
    { flags: "--demo-showcase <file>", description: "what the simulator shows of one household" },
    { flags: "--demo-meter <id>", description: "whose bills the customer among them sees" },
  ],
  run,
});
