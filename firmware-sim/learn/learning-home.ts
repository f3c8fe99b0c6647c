/**
 * One simulated home that learns: a real meter's agent with its own keys, connection, durable history, privacy account and
 * training. Simulated are its readings, which it has had for long, and that it falls silent where the run says so.
 */
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import type { Config } from "../../config/index.ts";
import { openMeterSecrets, openParty } from "../../config/keys/index.ts";
import type { SqliteDatabase } from "../../config/runtime/database.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import {
  agentSettings,
  MeterAgent,
  meterLastWill,
  meterSubscriptions,
  type Outbox,
} from "../../hardware/agent/index.ts";
import {
  type HomeTrainer,
  type LearningAgent,
  type LearningEvent,
  learningSubscriptions,
  openLearning,
} from "../../hardware/agent/learning/index.ts";
import { parseTopic } from "../../protocol/topics.ts";
import type { Silence } from "./drop-outs.ts";

export interface LearningHomeOptions {
  readonly config: Config;
  readonly data: string;
  readonly id: string;
  readonly database: SqliteDatabase;
  readonly outbox: Outbox;
  readonly trainer: HomeTrainer;
  readonly log: Logger;
  readonly now: () => number;
  /** How the home falls silent in a round, if it does. */
  readonly silence: (round: string) => Silence | undefined;
  readonly told: (home: string, event: LearningEvent) => void;
  /** A round of which this home will not hear. */
  readonly deaf: (home: string, round: string) => void;
  /** Further topics of this connection, and who takes their messages. */
  readonly subscriptions: readonly string[];
  readonly accept: (topic: string, payload: Uint8Array) => boolean;
}

export interface LearningHome {
  tick(): void;
  close(): Promise<void>;
}

/** The only aggregator that hears of a home which is cut off half-way. */
const HEARD_BY = "1";

export async function openLearningHome(options: LearningHomeOptions): Promise<LearningHome> {
  const { config, data, id, database, outbox, trainer, now, silence } = options;
  const folder = join(data, "keys", id);
  const party = openParty(folder);
  const secrets = openMeterSecrets(folder);
  const log = options.log.child({ meter: id });
  const handle: { link?: Link } = {};
  const agentLink = {
    get connected() {
      return handle.link?.connected ?? false;
    },
    send: (topic: string, payload: Uint8Array | string, sent: object, done: (error?: Error) => void) => {
      const { name, parameters } = parseTopic(topic) ?? {};
      const isLost = name === "update" && parameters?.agg !== HEARD_BY && silence(parameters?.round ?? "") === "cut";
      if (isLost) done();
      else if (handle.link === undefined) done(new Error(`${id} is not connected`));
      else handle.link.send(topic, payload, sent, done);
    },
  };
  const monotonic = (): number => performance.now();
  const settings = agentSettings(config, party.directory.t);
  const agent = new MeterAgent({ secrets, settings, outbox, link: agentLink, randomBytes, monotonic });
  const shared = openLearning({ config, party, database, outbox, now, monotonic, trainer });
  if (shared === undefined) throw new Error("learning.enabled is false: these homes would not learn");
  const learning: LearningAgent = shared.agentFor({
    ...{ agent, secrets, link: agentLink },
    events: {
      learning: (meter, event) => {
        log.debug(event, "learning");
        options.told(meter, event);
      },
      refused: (_meter, err) => log.warn({ err }, "learning"),
    },
  });
  handle.link = await connectLink({
    ...{ party, log, settings: config.link, will: meterLastWill(id) },
    host: config.broker.host,
    port: config.broker.tlsPort,
    subscriptions: [...meterSubscriptions(id), ...learningSubscriptions(), ...options.subscriptions],
    onMessage: (topic, payload) => {
      if (options.accept(topic, payload)) return;
      const round = announcedRound(topic, payload);
      if (round !== undefined && silence(round) === "deaf") options.deaf(id, round);
      else if (!learning.accept(topic, payload)) agent.onMessage(topic, payload);
    },
    onConnect: (link) => {
      handle.link = link;
      agent.onConnect();
    },
  });
  return {
    tick: () => {
      agent.tick();
      learning.tick();
    },
    close: async () => {
      learning.close();
      await handle.link?.close();
    },
  };
}

function announcedRound(topic: string, payload: Uint8Array): string | undefined {
  if (parseTopic(topic)?.name !== "learnAnnounce") return undefined;
  try {
    const { round } = JSON.parse(Buffer.from(payload).toString()) as { round?: unknown };
    return typeof round === "string" ? round : undefined;
  } catch {
    return undefined;
  }
}
