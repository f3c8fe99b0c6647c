/** `npm run gateway -- released`: shows released feeder loads in Home Assistant, from the broker's public port. */
import { join } from "node:path";
import mqtt from "mqtt";
import { openDatabase } from "../../config/runtime/database.ts";
import { Refusals } from "../../config/runtime/refusals.ts";
import { EXIT, type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { announceReady } from "../../config/runtime/role-report.ts";
import { aborted } from "../../config/runtime/stop-signal.ts";
import { filterOf } from "../../protocol/topics.ts";
import { HomeAssistantPublisher } from "./home-assistant/publisher.ts";
import { ReleasedValues } from "./home-assistant/released.ts";
import { Totals } from "./home-assistant/totals.ts";

const NAME = "released";
const RECONNECT_MILLISECONDS = 2_000;

export async function released({ config, log, signal }: RoleContext): Promise<number> {
  if (config.homeAssistant.url === "") {
    throw new UsageError("homeAssistant.url is empty: set it to the broker of Home Assistant, as mqtt://host:port");
  }
  const { host, publicPort } = config.broker;
  const file = join(config.paths.data, "home-assistant", "shown.db");
  const database = openDatabase(file, { synchronous: "FULL", alone: true });
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const publisher = new HomeAssistantPublisher({ settings: config.homeAssistant, name: NAME, log });
  const values = new ReleasedValues({
    publisher,
    totals: new Totals(database),
    refused: (code, detail) => refusals.count(code, detail),
  });
  const source = mqtt.connect({ host, port: publicPort, protocolVersion: 4, reconnectPeriod: RECONNECT_MILLISECONDS });
  let fault = "";
  source.on("connect", () => {
    fault = "";
    log.info({ broker: `${host}:${publicPort}` }, "reading public topics");
    source.subscribe(filterOf("feederLoad"), { qos: 1 });
  });
  source.on("message", (topic, payload) => values.take(topic, payload));
  source.on("error", ({ message }) => {
    // A broker that stays away is one line, not one for every attempt.
    if (message !== fault) log.warn({ broker: `${host}:${publicPort}` }, message || "no answer");
    fault = message;
  });
  announceReady({});
  await aborted(signal);
  await source.endAsync(true);
  await publisher.close();
  refusals.flush();
  database.close();
  return EXIT.ok;
}
