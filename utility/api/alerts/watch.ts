/** Feeds the engine: from live messages as they come, and from the utility's database at intervals. */
import { gridState, STATE_TOPIC } from "../../../protocol/grid/index.ts";
import { alert as alertSchema } from "../../../protocol/messages/public.ts";
import { topicOf } from "../../../protocol/topics.ts";
import type { UtilityReader } from "../context.ts";
import type { LiveEvent, LiveHub } from "../live/live-hub.ts";
import { Problem } from "../problem.ts";
import type { AlertEngine } from "./engine.ts";
import { gridAge, type GridNames, gridObservations } from "./grid-signals.ts";
import type { Observations, Reading } from "./signals.ts";
import { UtilityLook } from "./utility-signals.ts";

const DAY = 86_400;
const GRID_STATE = topicOf("grid", { topic: STATE_TOPIC });
/** Codes of notices that are remembered: whoever may publish alerts could make them up. */
const MOST_CODES = 200;

export interface WatchOptions {
  readonly engine: AlertEngine;
  readonly live: LiveHub;
  readonly utility: UtilityReader;
  /** Unix seconds of the wall clock. */
  readonly now: () => number;
  /** What the system goes by: simulated in a simulation. Unix seconds. */
  readonly time: () => number;
  readonly slotSeconds: number;
  /** What one household may spend. */
  readonly epsilonBudget: number;
  /** The names of a grid by the digest of its topology; undefined while they are not known. */
  readonly namesOf: (digest: string) => GridNames | undefined;
}

function shareOf({ at, values }: Observations, budget: number): Observations {
  const share = ({ value, detail = "" }: Reading): Reading => ({
    value: (100 * value) / budget,
    detail: `epsilon ${value} of ${budget} ${detail}`,
  });
  return { signal: "privacy-share", at, values: new Map([...values].map(([of, spent]) => [of, share(spent)])) };
}

export class AlertWatch {
  readonly #options: WatchOptions;
  readonly #look = new UtilityLook();
  readonly #unlisten: () => void;
  #notices: { readonly at: number; readonly code: string; readonly message: string }[] = [];
  #scan: { readonly publishedAt: number; readonly findings: Parameters<typeof gridAge>[0]["findings"] } | undefined;
  #connectedAt: number;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { engine, live, now } = options;
    this.#connectedAt = now();
    // What had been said before a restart fades as if there had been none.
    for (const { signal, element, text, beganAt } of engine.store.open(now())) {
      if (signal === "notices")
        this.#notices.push({ at: beganAt, code: element.replace("notice:", ""), message: text });
    }
    this.#unlisten = live.listen((event) => this.#onEvent(event));
  }

  /** Looks every `seconds`; a fault of the database ends the process by `failed`. */
  start(seconds: number, failed: (error: unknown) => void): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.look()
        .catch(failed)
        .finally(() => (this.#looking = undefined));
    }, seconds * 1_000);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#unlisten();
    await this.#looking;
  }

  /** Throws StorageError. */
  async look(): Promise<void> {
    const { engine, live, utility, now, time, slotSeconds } = this.#options;
    engine.tick();
    const wall = now();
    if (live.connected) this.#connectedAt = wall;
    const one = (signal: "broker-away" | "grid-age", element: string, value: number): void =>
      engine.observe({ signal, at: wall, values: new Map([[element, { value }]]) });
    one("broker-away", "broker:broker", wall - this.#connectedAt);
    if (this.#scan !== undefined) one("grid-age", "grid", gridAge(this.#scan, wall));
    engine.observe(this.#noticed(wall));
    for (const observed of await this.#ofUtility({ utility, time: time(), slotSeconds })) {
      engine.observe(observed);
      if (observed.signal === "privacy-spent") engine.observe(shareOf(observed, this.#options.epsilonBudget));
    }
  }

  async #ofUtility({
    utility,
    ...options
  }: {
    readonly utility: UtilityReader;
    readonly time: number;
    readonly slotSeconds: number;
  }): Promise<Observations[]> {
    try {
      return await this.#look.observe({ db: utility.db, ...options });
    } catch (error) {
      if (error instanceof Problem) return []; // the utility has not begun
      throw error;
    }
  }

  #onEvent({ type, data }: LiveEvent): void {
    if (type !== "grid" && type !== "alert") return;
    const { topic, message } = JSON.parse(data) as { topic: string; message: unknown };
    if (type === "alert") this.#notice(message);
    else if (topic === GRID_STATE) this.#onState(message);
  }

  #onState(message: unknown): void {
    const { engine, namesOf } = this.#options;
    const parsed = gridState.safeParse(message);
    if (!parsed.success) return; // of another version: what does not come is noticed by its age
    const { publishedAt, findings } = parsed.data;
    this.#scan = { publishedAt, findings };
    for (const observed of gridObservations(parsed.data, namesOf(parsed.data.topology))) engine.observe(observed);
  }

  #notice(message: unknown): void {
    const { engine, now } = this.#options;
    const parsed = alertSchema.safeParse(message);
    // Ours, told again by the broker; and what the detector of theft says has a signal of its own.
    if (!parsed.success || parsed.data.id !== undefined || parsed.data.code.startsWith("balance-")) return;
    const wall = now();
    const codes = new Set(this.#notices.map(({ code }) => code));
    const code = parsed.data.code.slice(0, 64);
    if (!codes.has(code) && codes.size >= MOST_CODES) return;
    this.#notices.push({ at: wall, code, message: parsed.data.message.slice(0, 300) });
    if (this.#notices.length > 10 * MOST_CODES) this.#notices.shift();
    engine.observe(this.#noticed(wall));
  }

  #noticed(wall: number): Observations {
    this.#notices = this.#notices.filter(({ at }) => at > wall - DAY);
    const values = new Map<string, Reading>();
    for (const { code, message } of this.#notices) {
      values.set(`notice:${code}`, { value: (values.get(`notice:${code}`)?.value ?? 0) + 1, detail: message });
    }
    return { signal: "notices", at: wall, values, others: 0 };
  }
}
