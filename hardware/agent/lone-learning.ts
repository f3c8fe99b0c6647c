/** The learning part of a meter that runs alone: what it hears, what it logs. */
import type { Config } from "../../config/index.ts";
import type { Party } from "../../config/keys/index.ts";
import type { SqliteDatabase } from "../../config/runtime/database.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { Refusals } from "../../config/runtime/refusals.ts";
import type { MeterAgent } from "./agent.ts";
import type { AgentLink, MeterSecrets } from "./agent-options.ts";
import type { BulkCourier } from "./bulk/index.ts";
import { HomeTrainer, learningSubscriptions, openLearning } from "./learning/index.ts";
import type { Outbox } from "./outbox.ts";

export interface LoneLearningOptions {
  readonly config: Config;
  readonly party: Party;
  readonly secrets: MeterSecrets;
  readonly agent: MeterAgent;
  readonly database: SqliteDatabase;
  readonly outbox: Outbox;
  readonly link: AgentLink;
  readonly bulk: BulkCourier;
  readonly log: Logger;
  readonly refusals: Refusals;
  /** Unix seconds. */
  readonly now: () => number;
}

export interface LoneLearning {
  /** Further topics of the ordinary connection. */
  readonly subscriptions: readonly string[];
  /** Takes a message if it is an announcement. */
  accept(topic: string, payload: Uint8Array): boolean;
  tick(): void;
  close(): Promise<void>;
}

/** Codes of events that are no more than news. */
const NEWS = new Set(["made", "settled", "not-ready"]);

/** Undefined where nobody learns. */
export function openLoneLearning(options: LoneLearningOptions): LoneLearning | undefined {
  const { config, party, secrets, agent, database, outbox, link, bulk, log, refusals, now } = options;
  // Starts no thread before a network is announced.
  const { trainSeconds: seconds, weather } = config.learning;
  const trainer = new HomeTrainer({ historyDays: config.meter.historyDays, seconds, weather });
  const shared = openLearning({ config, party, database, outbox, now, monotonic: () => performance.now(), trainer });
  if (shared === undefined) return undefined;
  const learning = shared.agentFor({
    ...{ agent, secrets, link, bulk },
    events: {
      learning: (_meter, event) => {
        if (NEWS.has(event.code)) log.info(event, "learning");
        else log.warn(event, "learning: took no part");
      },
      refused: (_meter, error) => {
        const { code, message } = error as { code?: string; message?: string };
        refusals.count(`learning-${code ?? "failed"}`, message);
      },
    },
  });
  return {
    subscriptions: learningSubscriptions(),
    accept: (topic, payload) => learning.accept(topic, payload),
    tick: () => learning.tick(),
    close: async () => {
      learning.close();
      await trainer.close();
    },
  };
}
