/**
 * Runs another broker on this machine in the place of the embedded one: writes its files, starts its nodes, starts them
 * again when they end, and writes its rules anew whenever the authority adds or revokes a meter.
 */
import { randomInt } from "node:crypto";
import type { Party } from "../../config/keys/index.ts";
import { isFree } from "../../config/runtime/free-port.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { Refusals } from "../../config/runtime/refusals.ts";
import type { Config } from "../../config/index.ts";
import { filterOf } from "../../protocol/topics.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Revocations } from "../revocations.ts";
import { EngineProcess } from "./engine-process.ts";
import { argumentsOf, clusterSecretOf, DELIVERY_QOS, engineFiles, type EngineName, localNodes } from "./engines.ts";
import type { EngineNode } from "./plan.ts";
import { writeEngineFiles } from "./write-files.ts";

/** Changes of membership this close together are written once. */
const SETTLE_MILLISECONDS = 200;
const START_SECONDS = 30;
/** Between two looks at the broker's own certificate. */
const LOOK_MILLISECONDS = 1_000;

export interface AttendOptions {
  readonly engine: EngineName;
  readonly command: string;
  /** Nodes of a cluster, of an engine that has clusters. */
  readonly nodes: number;
  readonly folder: string;
  readonly config: Config;
  readonly party: Party;
  readonly revocations: Revocations;
  readonly refusals: Refusals;
  readonly log: Logger;
  readonly onFailure: (error: unknown) => void;
}

export interface Attended {
  readonly nodes: readonly EngineNode[];
  /** Times that nodes were started again. */
  readonly restarts: () => number;
  close(): Promise<void>;
}

export async function attend(options: AttendOptions): Promise<Attended> {
  const { engine, command, folder, config, party, revocations, log, onFailure } = options;
  const nodes = await localNodes(engine, config, options.nodes, chooser(config.broker.listen));
  const clusterSecret = clusterSecretOf(party);
  const site = { engine, folder, settings: config.broker, nodes, clusterSecret };
  const write = (): void => {
    writeEngineFiles(folder, engineFiles(site, { party, meters: revocations.admitted() }));
  };
  write();
  const processes = nodes.map(
    (node) =>
      new EngineProcess({
        ...{ name: node.name, command, args: argumentsOf(folder, node), folder, log },
        ...(node.tls === 0 ? { host: "127.0.0.1", port: node.public } : { host: node.host, port: node.tls }),
      }),
  );
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((node) => node.stop()));
  };
  let timer: NodeJS.Timeout | undefined;
  let mustRestart = false;
  const rulesChanged = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      try {
        write();
      } catch (error) {
        // A meter that was revoked must not stay in: who started this hears of it.
        onFailure(error);
        return;
      }
      for (const node of processes) {
        if (mustRestart) node.restart();
        else node.reload();
      }
      mustRestart = false;
      log.info({ meters: revocations.admitted().length }, "the broker's rules were written anew");
    }, SETTLE_MILLISECONDS);
  };
  let { tls } = party;
  const look = (): void => {
    const before = tls;
    tls = party.tls;
    if (tls === before) return;
    // Mosquitto reads which certificates it refuses at its start only; NATS has no such list at all.
    mustRestart ||= engine === "mosquitto" && tls.crl !== before.crl;
    rulesChanged();
  };
  let link: Link;
  try {
    await Promise.all(processes.map((node) => node.start(START_SECONDS)));
    link = await followRoll({ ...options, nodes, rulesChanged, onFailure });
  } catch (error) {
    await stop();
    throw error;
  }
  const looking = setInterval(look, LOOK_MILLISECONDS);
  return {
    nodes,
    restarts: () => processes.reduce((sum, { restarts }) => sum + restarts, 0),
    close: async () => {
      clearTimeout(timer);
      clearInterval(looking);
      await link.close();
      await stop();
    },
  };
}

interface Following extends Omit<AttendOptions, "nodes"> {
  readonly nodes: readonly EngineNode[];
  readonly rulesChanged: () => void;
}

/** A client like others, with the broker's own certificate. */
function followRoll({ engine, party, config, nodes, revocations, refusals, log, rulesChanged, onFailure }: Following) {
  const [first, ...others] = nodes.filter(({ tls }) => tls !== 0).map(({ host, tls }) => ({ host, port: tls }));
  if (first === undefined) throw new RangeError("attend: expected one node, got none");
  return connectLink({
    ...{ ...first, others, party, settings: config.link, log, onFailure },
    deliveryQos: DELIVERY_QOS[engine],
    subscriptions: [filterOf("roll")],
    onMessage: (_topic, payload) => {
      try {
        revocations.learn(payload);
        rulesChanged();
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        refusals.count(error.code, "roll");
      }
    },
  });
}

/** Below the range from which systems give ports to outgoing connections: there a free one would soon be taken. */
const PORTS = { from: 20_000, to: 32_000 };
const MOST_TRIES = 200;

/** Gives the wanted port, or for 0 one that is free now; each at most once. */
function chooser(host: string): (wanted: number) => Promise<number> {
  const given = new Set<number>();
  return async (wanted) => {
    if (wanted !== 0) return wanted;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const port = randomInt(PORTS.from, PORTS.to);
      if (given.has(port) || !(await isFree(port, host))) continue;
      given.add(port);
      return port;
    }
    throw new Error(`no free port from ${PORTS.from} to ${PORTS.to} at ${host}`);
  };
}
