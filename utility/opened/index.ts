/** Puts the opening of ciphertexts together: letters, desk, worker thread, announcements and the comparison with shares. */
import type { CkksWatch, Party } from "../../config/keys/index.ts";
import type { Config } from "../../config/index.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { Alert } from "../../protocol/messages/public.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";
import { logKeys } from "../ledger/index.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { UtilityDatabase } from "../store/open.ts";
import { Announcer } from "./announcer.ts";
import { CrossCheck } from "./cross-check.ts";
import { OpenedDesk } from "./opened-desk.ts";
import { type OpenedJob, readJob } from "./opened-job.ts";
import { OpenedLetters } from "./opened-letters.ts";
import { OpenedStore } from "./opened-store.ts";
import { type Opener, threadOpener } from "./opener.ts";

export interface OpenedOptions {
  readonly db: UtilityDatabase;
  readonly ledger: Ledger;
  readonly party: Party;
  /** Keys that were dealt for ciphertexts, as they are now. */
  readonly dealt: Pick<CkksWatch, "manifest">;
  readonly config: Pick<Config, "homomorphic" | "aggregator" | "paths">;
  /** Unix seconds. */
  readonly time: () => number;
  /** Real seconds that do not go back. */
  readonly now: () => number;
  /** Rejects while there is no connection. */
  readonly publish: (topic: string, payload: Uint8Array | string) => Promise<void>;
  readonly connected: () => boolean;
  readonly refuse: (code: string, detail: string) => void;
  readonly log: Pick<Logger, "info" | "warn">;
  readonly opener?: Opener;
}

export interface Opened {
  readonly subscriptions: readonly string[];
  /** True when the topic is one of these. */
  accept(
    name: string | undefined,
    parameters: Readonly<Record<string, string | undefined>>,
    payload: Uint8Array,
  ): Promise<void> | undefined;
  /** Goes on with what an earlier process left. */
  start(): Promise<void>;
  /** Loads were released: comparisons that waited for them go on. */
  loadsReleased(): Promise<void>;
  /** Logs keys that were dealt since, and publishes what waits. */
  flush(): Promise<void>;
  /** Resolves when nothing is being combined. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** Undefined where no keys for ciphertexts were dealt or the configuration has no use for them. */
export function startOpened(options: OpenedOptions): Opened | undefined {
  const { db, party, dealt, config, time, now, publish, connected, refuse, log } = options;
  const { homomorphic, aggregator } = config;
  if (dealt.manifest === undefined || !homomorphic.enabled) return undefined;
  const { slotSeconds } = party.directory;
  const store = new OpenedStore(db, time, options.ledger);
  const read = (transcript: Uint8Array): OpenedJob => readJob(transcript, { manifest: dealt.manifest!, homomorphic });
  const alert = (code: string, message: string): void => {
    const content: Alert = { time: Math.floor(time()), code, message: message.slice(0, 4_000) };
    // Lost when the broker is away: the database keeps the reason.
    publish(topicOf("alert", { topic: "cross-check" }), JSON.stringify(content)).catch(() => {});
  };
  const announcer = new Announcer({ store, slotSeconds, publish, connected });
  const crossCheck = new CrossCheck({
    ...{ db, store, slotSeconds, now: time, read, alert, log },
    waitSeconds: aggregator.windowSlots * slotSeconds,
  });
  const opener =
    options.opener ??
    threadOpener(({ message }) => {
      log.warn({ error: message }, "the thread that combines has ended");
    });
  const letters: OpenedLetters = new OpenedLetters(party, {
    ...{ now, publish, refuse },
    output: (job, message) => desk.output(job, message),
    partial: (message) => desk.partial(message),
  });
  const desk: OpenedDesk = new OpenedDesk({
    ...{ store, opener, slotSeconds, data: config.paths.data, now: time, read, refuse },
    // What the broker does not get is asked for again.
    tell: (outcome) => letters.tell(outcome).catch(() => {}),
    settled: async (result, job) => {
      const compared = await crossCheck.opened(result, job);
      if (result.status === "inconsistent" && !compared) {
        alert("cross-check-ciphertexts", `${result.circuit} of ${result.feeders}: ${result.reason}`);
      }
      await announcer.flush();
    },
    trouble: (job, error) => {
      log.warn({ job, error: error instanceof Error ? error.message : String(error) }, "a job could not be combined");
    },
  });
  let logged = dealt.manifest;
  const logDealt = async (): Promise<void> => {
    const ckks = dealt.manifest;
    if (ckks === undefined || ckks === logged) return;
    logged = ckks;
    await logKeys(db, options.ledger, { directory: party.directory, ckks }, time());
  };
  return {
    subscriptions: [filterOf("jobOutput"), filterOf("jobPartial")],
    accept: (name, { job, agg }, payload) => {
      if (job === undefined) return undefined;
      if (name === "jobOutput") return letters.takeOutput(job, payload);
      if (name === "jobPartial" && agg !== undefined) return letters.takePartial(Number(agg), job, payload);
      return undefined;
    },
    start: async () => {
      await desk.resume();
      await crossCheck.resume();
      await announcer.flush();
    },
    loadsReleased: () => crossCheck.again(),
    flush: async () => {
      await logDealt();
      await announcer.flush();
    },
    idle: () => desk.idle(),
    stop: async () => {
      await desk.stop();
      await crossCheck.again();
      await announcer.flush();
      await opener.close();
    },
  };
}
