/**
 * One simulated home that learns: a real meter's agent with its own keys, connection, durable history, privacy account and
 * training. Simulated are its readings, which it has had for long, and that it falls silent where the run says so.
 */
import { brokerAddress } from "../../config/runtime/broker-address.ts";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import type { Config } from "../../config/index.ts";
import { openMeterSecrets, openParty } from "../../config/keys/index.ts";
import type { SqliteDatabase } from "../../config/runtime/database.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import { type BulkCourier, openBulk, type Turns } from "../../hardware/agent/bulk/index.ts";
import {
  agentSettings,
  MeterAgent,
  meterLastWill,
  meterSubscriptions,
  type Outbox,
} from "../../hardware/agent/index.ts";
import {
  type LearningAgent,
  type LearningEvent,
  learningSubscriptions,
  openLearning,
  type Trainer,
} from "../../hardware/agent/learning/index.ts";
import { parseTopic } from "../../protocol/topics.ts";
import type { Silence } from "./drop-outs.ts";

export interface LearningHomeOptions {
  readonly config: Config;
  readonly data: string;
  readonly id: string;
  readonly database: SqliteDatabase;
  readonly outbox: Outbox;
  readonly trainer: Trainer;
  /** Of the process, for second connections. */
  readonly turns: Turns;
  readonly log: Logger;
  readonly now: () => number;
  /** How the home falls silent in a round, if it does. */
  readonly silence: (round: string) => Silence | undefined;
  /** A message of an update went out. */
  readonly sent?: (round: string, bytes: number) => void;
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
  /** Takes note of what goes out, and says whether it gets lost. */
  const isLost = (topic: string, { length }: Uint8Array | string): boolean => {
    const { name, parameters } = parseTopic(topic) ?? {};
    if (name !== "update" || parameters?.round === undefined) return false;
    if (parameters.agg !== HEARD_BY && silence(parameters.round) === "cut") return true;
    options.sent?.(parameters.round, length);
    return false;
  };
  const agentLink = {
    get connected() {
      return handle.link?.connected ?? false;
    },
    send: (topic: string, payload: Uint8Array | string, sent: object, done: (error?: Error) => void) => {
      if (isLost(topic, payload)) done();
      else if (handle.link === undefined) done(new Error(`${id} is not connected`));
      else handle.link.send(topic, payload, sent, done);
    },
  };
  const monotonic = (): number => performance.now();
  const settings = agentSettings(config, party.directory.t);
  const agent = new MeterAgent({ secrets, settings, outbox, link: agentLink, randomBytes, monotonic });
  const broker = brokerAddress(config);
  const courier = openBulk({
    ...{ config, party, broker, log, turns: options.turns },
    failed: (err) => log.warn({ err }, "the second connection failed"),
  });
  const bulk: Pick<BulkCourier, "post"> = {
    post: (topic, payload, wanted) => {
      if (!isLost(topic, payload)) courier.post(topic, payload, wanted);
    },
  };
  const shared = openLearning({ config, party, database, outbox, now, monotonic, trainer });
  if (shared === undefined) throw new Error("learning.enabled is false: these homes would not learn");
  const learning: LearningAgent = shared.agentFor({
    ...{ agent, secrets, bulk, link: agentLink },
    events: {
      learning: (meter, event) => {
        log.debug(event, "learning");
        options.told(meter, event);
      },
      refused: (_meter, err) => log.warn({ err }, "learning"),
    },
  });
  handle.link = await connectLink({
    ...{ ...broker, party, log, settings: config.link, will: meterLastWill(id) },
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
      await courier.close();
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
