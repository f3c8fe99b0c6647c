/**
 * What the meters of a process share when they encrypt: settings, keys, the encrypting thread. Without keys, or with `homomorphic.enabled` false, there is nothing of it and meters send shares alone.
 */
import type { Database } from "better-sqlite3";
import { seriesShape } from "../../../config/ckks-series.ts";
import type { Config } from "../../../config/index.ts";
import { CkksWatch, loadCkksMaterial, type Party } from "../../../config/keys/index.ts";
import type { MeterAgent } from "../agent.ts";
import type { AgentLink, MeterSecrets } from "../agent-options.ts";
import type { BulkCourier } from "../bulk/index.ts";
import type { Outbox } from "../outbox.ts";
import type { CkksEpoch } from "../../../protocol/keys/index.ts";
import type { DealtKeys } from "./window-maker.ts";
import { CiphertextAgent, type CiphertextAgentEvents, type CiphertextSettings } from "./ciphertext-agent.ts";
import { type Encryptor, ThreadEncryptor } from "./encryptor.ts";
import { CiphertextStore } from "./store.ts";
import { WindowCalendar } from "../../../config/windows.ts";

export interface CiphertextProcessOptions {
  readonly config: Config;
  /** Of any meter of the process: what the authority signed is the same for all. */
  readonly party: Pick<Party, "ckks" | "directory" | "folder">;
  readonly database: Database;
  readonly outbox: Outbox;
  /** Unix seconds; 0 while nobody has told the time. */
  readonly now: () => number;
  readonly monotonic: () => number;
  /** Says once why series, or all of them, are not encrypted. */
  readonly warn: (message: string) => void;
  /** In place of the thread, for tests. */
  readonly encryptor?: Encryptor;
}

export interface CiphertextMeter {
  readonly agent: MeterAgent;
  readonly secrets: Pick<MeterSecrets, "rootKeys">;
  readonly link: AgentLink;
  readonly bulk: BulkCourier;
  readonly events?: CiphertextAgentEvents;
}

/** The thread, and SEAL's memory with it, goes when nothing was encrypted for so long. */
const IDLE_MILLISECONDS = 10_000;

export class CiphertextProcess {
  readonly #options: CiphertextProcessOptions;
  readonly #settings: CiphertextSettings;
  readonly #calendar: WindowCalendar;
  readonly #store: CiphertextStore;
  readonly #encryptor: Encryptor;

  constructor(options: CiphertextProcessOptions, settings: CiphertextSettings, encryptor: Encryptor) {
    const { config, database, outbox, party } = options;
    const { n, q } = party.directory;
    this.#options = options;
    this.#settings = settings;
    this.#calendar = new WindowCalendar({
      slotSeconds: config.system.slotSeconds,
      timezone: config.system.timezone,
      windowDays: config.homomorphic.windowDays,
    });
    this.#store = new CiphertextStore(database, outbox, n - q + 1);
    this.#encryptor = encryptor;
  }

  /** The encrypting part of a meter; it shares the meter's connections and acks from now on. */
  agentFor({ agent, secrets, link, bulk, events }: CiphertextMeter): CiphertextAgent {
    const { now, monotonic, party } = this.#options;
    const made = new CiphertextAgent({
      ...{ settings: this.#settings, calendar: this.#calendar, store: this.#store, encryptor: this.#encryptor },
      ...{ after, now, monotonic, bulk, link },
      readings: agent,
      rootKeys: secrets.rootKeys,
      directory: party.directory,
      ...(events === undefined ? {} : { events }),
    });
    agent.attach(made);
    return made;
  }

  /** After the agents are closed. */
  close(): Promise<void> {
    return this.#encryptor.close();
  }
}

/** Undefined where nothing is encrypted. */
export function openCiphertexts(options: CiphertextProcessOptions): CiphertextProcess | undefined {
  const { config, party, warn } = options;
  const { homomorphic, meter, system, paths } = config;
  if (!homomorphic.enabled) return undefined;
  const watch = new CkksWatch(party, (error) => warn(error instanceof Error ? error.message : String(error)));
  const epoch = watch.manifest?.current;
  const analyticsKey = party.directory.servers.get("analytics")?.sealKey;
  if (epoch === undefined || analyticsKey === undefined) {
    warn("homomorphic.enabled: no keys for ciphertexts were dealt (npm run enrol -- redeal); only shares are sent");
    return undefined;
  }
  const shapes = Object.keys(homomorphic.series)
    .sort()
    .map((name) => seriesShape(homomorphic, name));
  const dealt = shapes.filter(({ set }) => epoch.sets.has(set));
  for (const { name, set } of shapes.filter((shape) => !dealt.includes(shape))) {
    warn(`series ${name}: epoch ${epoch.epoch} has no keys of the set ${set}; it is not encrypted`);
  }
  if (dealt.length === 0) return undefined;
  const keyOf = (number: number, set: string) => {
    const of = watch.manifest?.epochs.find((one) => one.epoch === number);
    const parameters = of?.sets.get(set)?.parameters;
    if (of === undefined || parameters === undefined) throw new RangeError(`epoch ${number} has no keys of ${set}`);
    return { epoch: number, parameters, ...loadCkksMaterial(paths.data, of, set, ["publicKey"]) };
  };
  const { insecureForTests } = homomorphic;
  const encryptor =
    options.encryptor ??
    new ThreadEncryptor({ insecureForTests, analyticsKey, keyOf, idleMilliseconds: IDLE_MILLISECONDS });
  const settings: CiphertextSettings = {
    shapes: dealt,
    dealt: () => dealtKeys(watch.manifest?.current ?? epoch),
    slotSeconds: system.slotSeconds,
    graceSlots: homomorphic.graceSlots,
    mostWh: meter.maxIntervalWh,
    outboxWindows: homomorphic.outboxWindows,
    resendSeconds: homomorphic.resendSeconds,
    quietSeconds: meter.resendSeconds,
    historyDays: meter.historyDays,
  };
  return new CiphertextProcess(options, settings, encryptor);
}

function dealtKeys({ epoch, sets }: CkksEpoch): DealtKeys {
  return { epoch, parameters: new Map([...sets].map(([name, { parameters }]) => [name, parameters])) };
}

function after(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}
