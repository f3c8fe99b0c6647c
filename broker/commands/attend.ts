/** `attend`: another broker on this machine, in the place of the embedded one. */
import { Refusals } from "../../config/runtime/refusals.ts";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { announceReady, writeStats } from "../../config/runtime/role-report.ts";
import { aborted } from "../../config/runtime/stop-signal.ts";
import { attend } from "../engines/attend.ts";
import { COMMANDS, DELIVERY_QOS, type EngineName } from "../engines/engines.ts";
import { engineOf, folderOf } from "./engine-flags.ts";
import { openBrokerParty, openRevocations, PARTY } from "./open.ts";

const STATS_MILLISECONDS = 1_000;
const CLUSTERS = [1, 3, 5];
const NODES = 3;

export async function attendCommand(context: RoleContext): Promise<void> {
  const { config, log, signal } = context;
  const { data } = config.paths;
  const engine = engineOf(context);
  const command = COMMANDS[engine];
  if (command === undefined) throw new UsageError(`--for: ${engine} is not started from here; export writes its files`);
  const count = nodesOf(context, engine);
  const party = openBrokerParty(context);
  const { database, revocations } = openRevocations(context, party, true);
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  try {
    const attended = await attend({
      ...{ engine, command, nodes: count, folder: folderOf(context, engine), config, party, revocations, refusals },
      ...{ log, onFailure: fail },
    });
    const report = (): void => {
      const counters = { nodes: attended.nodes.length, restarts: attended.restarts() };
      writeStats(data, PARTY, { role: PARTY, refused: refusals.snapshot(), counters });
    };
    const timer = setInterval(report, STATS_MILLISECONDS);
    try {
      const [first, ...others] = attended.nodes.filter(({ tls }) => tls !== 0);
      const open = attended.nodes.find((node) => node.public !== 0)?.public ?? 0;
      const ports = { tls: first?.tls ?? 0, wss: 0, public: open };
      const otherNodes = others.map(({ host, tls }) => `${host}:${tls}`);
      const text = [first, ...others].map((node) => `${node?.host}:${node?.tls}`).join(", ");
      log.info({ engine, ports, otherNodes }, `${engine} is listening: mqtts ${text}, public mqtt 127.0.0.1:${open}`);
      const external = { otherNodes, bulkPort: first?.bulk ?? 0, deliveryQos: DELIVERY_QOS[engine] };
      announceReady({ ports, external });
      await Promise.race([aborted(signal), failed]);
    } finally {
      clearInterval(timer);
      await attended.close();
      report();
      refusals.flush();
    }
  } finally {
    database.close();
  }
}

function nodesOf({ options }: RoleContext, engine: EngineName): number {
  const text = options["nodes"];
  if (engine !== "nats") {
    if (text === undefined || text === "1") return 1;
    throw new UsageError(`--nodes: ${engine} runs as one node`);
  }
  const count = text === undefined ? NODES : Number(text);
  if (CLUSTERS.includes(count)) return count;
  throw new UsageError(`--nodes: expected ${CLUSTERS.join(", ")}, got ${String(text)}`);
}
