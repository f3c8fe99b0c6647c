/** A simulated fleet, week by week: its histories as sensors would tell them, and beside them the true hazards. */
import { SeededRandom } from "../../grid/random.ts";
import { type AssetHistory, emptyWeeks, type Kind, MEASURES } from "../history/history.ts";
import { SimulatedAsset } from "./asset.ts";
import { Weather } from "./weather.ts";

export interface FleetPlan {
  readonly seed: number;
  readonly transformers: number;
  readonly lines: number;
}

/** One place in the grid: its asset, which is replaced when it fails. */
export interface Place {
  readonly name: string;
  readonly seed: number;
  asset: SimulatedAsset;
  generation: number;
  history: AssetHistory;
  /** True hazard of each week of `history`. */
  hazards: number[];
}

/** Monday, 2 January 2023. */
const FIRST_DAY = 19_359;

export class SimulatedFleet {
  readonly places: readonly Place[];
  /** Histories that ended, by failure or replacement, with their true hazards. */
  readonly ended: { readonly history: AssetHistory; readonly hazards: readonly number[] }[] = [];
  readonly #weather: Weather;
  #week = 0;

  /** Throws RangeError for a fleet of nothing. */
  constructor({ seed, transformers, lines }: FleetPlan) {
    for (const [name, count] of [
      ["transformers", transformers],
      ["lines", lines],
    ] as const) {
      if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`${name}: expected 0 or more, got ${count}`);
    }
    if (transformers + lines === 0) throw new RangeError("fleet: expected transformers or lines, got none");
    const random = new SeededRandom(seed);
    this.#weather = new Weather(random, 0);
    const place = (kind: Kind, index: number): Place => {
      const own = Math.floor(random.uniform() * 2 ** 31);
      const name = `${kind === "transformer" ? "T" : "L"}${String(index + 1).padStart(4, "0")}`;
      const asset = new SimulatedAsset(kind, own);
      return { name, seed: own, asset, generation: 1, history: this.#begun(name, asset), hazards: [] };
    };
    this.places = [
      ...Array.from({ length: transformers }, (_, i) => place("transformer", i)),
      ...Array.from({ length: lines }, (_, i) => place("line", i)),
    ];
  }

  get week(): number {
    return this.#week;
  }

  /** One week passes; what fails in it is told, and is new in the week after. */
  live(): Place[] {
    const weather = this.#weather.next();
    this.#week += 1;
    const failed: Place[] = [];
    for (const place of this.places) {
      const week = place.asset.live(weather);
      for (const measure of MEASURES) place.history.weeks[measure].push(week.row[measure]);
      place.hazards.push(week.hazard);
      if (!week.failed) continue;
      place.history.failed = true;
      failed.push(place);
      this.replace(place);
    }
    return failed;
  }

  /** A new asset takes the place, with a history of its own. */
  replace(place: Place): void {
    if (place.hazards.length > 0) this.ended.push({ history: place.history, hazards: place.hazards });
    place.generation += 1;
    place.asset = new SimulatedAsset(place.asset.kind, place.seed + place.generation * 7_919, 0);
    place.history = this.#begun(`${place.name}-${place.generation}`, place.asset);
    place.hazards = [];
  }

  /** Everything that was watched, with the truth beside it. */
  watched(): { readonly history: AssetHistory; readonly hazards: readonly number[] }[] {
    return [...this.ended, ...this.places.filter(({ hazards }) => hazards.length > 0)];
  }

  #begun(asset: string, { kind, ageYears }: SimulatedAsset): AssetHistory {
    const firstDay = FIRST_DAY + 7 * this.#week;
    return { asset, kind, ageYears, firstDay, weeks: emptyWeeks(), failed: false, simulated: true };
  }
}
