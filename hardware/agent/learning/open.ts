/**
 * What the meters of a process share when they learn: the rules of their households, and who trains. With
 * `learning.enabled` false there is nothing of it, and announcements are not even subscribed to.
 */
import { randomBytes } from "node:crypto";
import type { Database } from "better-sqlite3";
import type { Config } from "../../../config/index.ts";
import type { Party } from "../../../config/keys/index.ts";
import type { MeterAgent } from "../agent.ts";
import type { AgentLink, MeterSecrets } from "../agent-options.ts";
import type { BulkCourier } from "../bulk/index.ts";
import type { Outbox } from "../outbox.ts";
import { LearningAgent, type LearningEvents } from "./learning-agent.ts";
import { DurablePrivacyGuard } from "./privacy-guard.ts";
import { UpdateStore } from "./store.ts";
import type { Trainer } from "./tasks.ts";

export interface LearningProcessOptions {
  readonly config: Config;
  /** Of any meter of the process: what the authority signed is the same for all. */
  readonly party: Pick<Party, "directory">;
  readonly database: Database;
  readonly outbox: Outbox;
  /** Unix seconds; 0 while nobody has told the time. */
  readonly now: () => number;
  readonly monotonic: () => number;
  /** Left out: rounds of training are refused. */
  readonly trainer?: Trainer;
}

export interface LearningMeter {
  readonly agent: MeterAgent;
  readonly secrets: MeterSecrets;
  /** The meter's ordinary connection, subscribed to `learningSubscriptions`. */
  readonly link: AgentLink;
  readonly bulk: Pick<BulkCourier, "post">;
  readonly events?: LearningEvents;
}

export class LearningProcess {
  readonly #options: LearningProcessOptions;
  readonly #store: UpdateStore;

  constructor(options: LearningProcessOptions) {
    this.#options = options;
    this.#store = new UpdateStore(options.database, options.outbox);
  }

  /** The learning part of a meter; it shares the meter's connections and acks from now on. */
  agentFor({ agent, secrets, link, bulk, events }: LearningMeter): LearningAgent {
    const { config, party, database, outbox, now, monotonic, trainer } = this.#options;
    const { epsilon, delta, minMeters, colluderShare, minNoise, exact, resendSeconds } = config.learning;
    const { learnRounds: rounds, learnKeepSeconds: keepSeconds } = config.aggregator;
    const { number } = agent;
    const made = new LearningAgent({
      ...{ secrets, number, link, bulk, now, monotonic, randomBytes, resendSeconds, trainer },
      threshold: party.directory.t,
      policy: { minMeters, colluderShare, minNoise, exact },
      room: { rounds, seconds: keepSeconds },
      guard: new DurablePrivacyGuard(database, number, { epsilon, delta }),
      store: this.#store,
      own: {
        slotSeconds: config.system.slotSeconds,
        readings: (kind, slots) => outbox.readingsOf(number, kind, slots),
        nextSlot: (kind) => agent.durableSlot(kind),
      },
      directory: party.directory,
      isOpen: (aggregator) => agent.isOpen(aggregator),
      ...(events === undefined ? {} : { events }),
    });
    agent.attach(made);
    return made;
  }
}

/** Undefined where nobody learns. */
export function openLearning(options: LearningProcessOptions): LearningProcess | undefined {
  return options.config.learning.enabled ? new LearningProcess(options) : undefined;
}
