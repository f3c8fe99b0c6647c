/** `npm run api`: the HTTP interface as a process of its own. It reads the utility's database and holds no key of it. */
import path from "node:path";
import { openParty } from "../../config/keys/index.ts";
import { logPolicy } from "../../config/log-policy.ts";
import { connectLink } from "../../config/runtime/link.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "../../config/runtime/role-command.ts";
import { announceReady } from "../../config/runtime/role-report.ts";
import { aborted } from "../../config/runtime/stop-signal.ts";
import { filterOf } from "../../protocol/topics.ts";
import { AccessStore } from "./access/access-store.ts";
import { UtilityReader } from "./context.ts";
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
];
const LOOK_MILLISECONDS = 250;

async function run({ config, log, signal }: RoleContext): Promise<number> {
  const party = openParty(path.join(config.paths.data, "keys", "api"));
  const utilityKey = party.directory.servers.get("utility")?.signKey;
  if (utilityKey === undefined) throw new UsageError("the directory lists no key of the utility");
  const store = AccessStore.open(path.join(config.paths.data, "api", "api.db"));
  const utility = new UtilityReader(path.join(config.paths.data, "utility", "utility.db"));
  const live = new LiveHub();
  const now = (): number => Date.now() / 1_000;
  const policy = logPolicy(config, utilityKey);
  const app = await createApi({ config, store, utility, live, policy, now }, log);
  const watch = new ChangeWatch(utility.file, () => live.emit("rounds", "{}"), LOOK_MILLISECONDS);
  const address = await app.listen({ host: config.api.host, port: config.api.port });
  const link = connectLink({
    party,
    host: config.broker.host,
    port: config.broker.tlsPort,
    subscriptions: SUBSCRIPTIONS,
    onMessage: (topic, payload) => live.message(topic, payload),
    onConnect: () => {
      live.connected = true;
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
  link.catch((error: unknown) => {
    if (!signal.aborted)
      process.nextTick(() => {
        throw error;
      });
  });
  if (store.accounts().length === 0) log.warn("there is no account yet: npm run accounts -- add NAME --role admin");
  announceReady({ id: party.id, address });
  log.info({ address }, "the HTTP interface is ready");
  await aborted(signal);
  watch.stop();
  await app.close();
  await (await link.catch(() => undefined))?.close();
  await utility.close();
  store.close();
  return EXIT.ok;
}

await runRole({
  name: "api",
  description: "Serves bills, loads, rounds, results, the log and live events over HTTP, and the dashboard.",
  help: "`/docs` shows what it can be asked. Accounts are made by `npm run accounts`.",
  run,
});
