/** Released loads of feeders as they come from the utility: the newest of each, and which are news. */
import { feederLoad } from "../../../protocol/messages/public.ts";
import type { Fault } from "./findings.ts";
import type { OperationPlan } from "./plan.ts";
import type { FeederLoad } from "./plant.ts";
import type { StoredLoad } from "./store.ts";

export class FeederLoads {
  readonly #plan: OperationPlan;
  readonly #feeders: ReadonlySet<string>;
  readonly #newest = new Map<string, FeederLoad>();
  #news: FeederLoad[] = [];

  /** `known`: those of an earlier run. */
  constructor(plan: OperationPlan, known: readonly StoredLoad[]) {
    this.#plan = plan;
    this.#feeders = new Set(plan.shares.map(({ feeder }) => feeder));
    for (const load of known) if (this.#feeders.has(load.feeder)) this.#newest.set(load.feeder, this.#loadOf(load));
  }

  get feeders(): readonly string[] {
    return [...this.#feeders].sort();
  }

  get newest(): readonly FeederLoad[] {
    return [...this.#newest.values()];
  }

  /** Start of the newest slot, Unix seconds; null before any. */
  get slotStart(): number | null {
    return this.#newest.size === 0 ? null : Math.max(...this.newest.map(({ slotStart }) => slotStart));
  }

  /** Takes a message of `wv/1/pub/feeder/<feeder>/load`. Throws RangeError for one that is none, or of no feeder of this grid. */
  take(feeder: string, payload: Uint8Array): StoredLoad {
    let raw: unknown;
    try {
      raw = JSON.parse(Buffer.from(payload).toString("utf8"));
    } catch {
      throw new RangeError(`load of ${feeder}: no JSON`);
    }
    const parsed = feederLoad.safeParse(raw);
    if (!parsed.success || parsed.data.feederId !== feeder)
      throw new RangeError(`load of ${feeder}: not as documented`);
    const { slotStart, slotSeconds, energyWh, exportWh } = parsed.data;
    if (!this.#feeders.has(feeder)) throw new RangeError(`load of ${feeder}: no bus has a share of it`);
    if (slotSeconds !== this.#plan.slotSeconds) throw new RangeError(`load of ${feeder}: slots of ${slotSeconds} s`);
    const stored = { feeder, slotStart, energyWh, netWh: energyWh - (exportWh ?? 0) };
    const load = this.#loadOf(stored);
    this.#news.push(load);
    const before = this.#newest.get(feeder);
    if (before === undefined || before.slotStart <= slotStart) this.#newest.set(feeder, load);
    return stored;
  }

  /** Those since it was asked last. */
  takeNews(): readonly FeederLoad[] {
    const news = this.#news;
    this.#news = [];
    return news;
  }

  /** Feeders whose newest load is too old at `time`. */
  stale(time: number): Fault[] {
    const { settings, slotSeconds } = this.#plan;
    const limit = settings.staleSlots * slotSeconds;
    return this.newest.flatMap(({ feeder, slotStart }): Fault[] => {
      const value = time - (slotStart + slotSeconds);
      return value > limit ? [{ kind: "stale", element: `feeder:${feeder}`, value, limit, unit: "s" }] : [];
    });
  }

  #loadOf({ feeder, slotStart, netWh }: StoredLoad): FeederLoad {
    const { settings, slotSeconds } = this.#plan;
    return { feeder, slotStart, mw: ((netWh * 3_600) / slotSeconds / 1e6) * settings.loadFactor };
  }
}
