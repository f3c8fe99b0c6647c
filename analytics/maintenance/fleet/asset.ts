/**
 * One simulated transformer or line: what is hidden (faults, moisture, frailty, consumed life), what sensors show of it, and
 * the hazard that follows. Everything it says is simulated.
 */
import { SeededRandom } from "../../grid/random.ts";
import { ALLOWED_LOSS, LineTemperatures, strengthAfter } from "../ageing/line.ts";
import { ageingRate, DISTRIBUTION, NORMAL_LIFE_HOURS, TransformerTemperatures } from "../ageing/transformer.ts";
import { type Kind, type Measure, WEEKS_PER_YEAR } from "../history/history.ts";
import { Fault, MODES, UNANNOUNCED } from "./modes.ts";
import { dayShape, STEP_HOURS, STEPS, weatherOf, type WeekWeather } from "./weather.ts";

/** Shape of the distribution of life in units of the normal one. */
const LIFE_SHAPE = 4;
/** Chance that a service misses a fault, and what it leaves of the paper's moisture. */
const MISSED = 0.15;
const DRIED = 0.8;
/** A day's usual peak beyond which an asset would have been exchanged for a larger one, in p.u. of its rating. */
const MOST_LOAD = 1.3;
const LOST_SAMPLE = 0.02;

/** What sensors and the thermal model say of a week. */
export type WeekRow = Readonly<Record<Measure, number>>;

export interface SimulatedWeek {
  readonly row: WeekRow;
  /** Cumulative hazard that the week added: the truth. */
  readonly hazard: number;
  readonly failed: boolean;
}

export class SimulatedAsset {
  readonly kind: Kind;
  ageYears: number;
  readonly #nature: SeededRandom;
  readonly #sensor: SeededRandom;
  readonly #faults: readonly Fault[];
  readonly #shape: Float64Array;
  readonly #peak: number;
  readonly #growth: number;
  readonly #frailty: number;
  readonly #offsets: { readonly vibration: number; readonly kelvin: number; readonly losses: number };
  readonly #thermal: TransformerTemperatures | undefined;
  readonly #line: LineTemperatures | undefined;
  /** Hazard at which it fails: drawn once, so that what is done to it is compared under the same luck. */
  #luck: number;
  #endured = 0;
  #moisture: number;
  #consumed = 0;
  #watched = 0;

  /** Age is drawn from 0 to 45 years among those that have survived it, unless it is given. */
  constructor(kind: Kind, seed: number, ageYears?: number) {
    this.kind = kind;
    const random = new SeededRandom(seed);
    this.#nature = random;
    this.#sensor = new SeededRandom(seed ^ 0x5bd1e995);
    for (;;) {
      const transformer = kind === "transformer";
      const drawn = Math.exp(Math.log(transformer ? 0.75 : 0.65) + (transformer ? 0.28 : 0.35) * random.normal());
      this.#peak = Math.min(drawn, MOST_LOAD);
      this.#growth = 0.01 + 0.008 * random.normal();
      this.#shape = dayShape(random.uniform());
      this.#moisture = transformer ? Math.exp(0.5 * random.normal()) : 1;
      this.#frailty = Math.exp(0.4 * random.normal());
      this.#faults = MODES[kind].map((mode) => new Fault(mode, random));
      this.ageYears = ageYears ?? random.uniform(0, 45);
      this.#thermal = transformer ? new TransformerTemperatures(DISTRIBUTION, 0.4, 10) : undefined;
      this.#line = transformer ? undefined : new LineTemperatures(10);
      this.#consumed = this.#earlier();
      const wear = this.#frailty * this.#consumed ** LIFE_SHAPE;
      const faults = this.#faults.reduce((sum, fault) => sum + fault.hazardUntil(this.ageYears), 0) * this.#frailty;
      if (random.uniform() < Math.exp(-wear - faults)) break;
    }
    const sensor = this.#sensor;
    this.#offsets = {
      vibration: Math.exp(0.25 * sensor.normal()),
      kelvin: sensor.normal(),
      losses: Math.exp(0.02 * sensor.normal()),
    };
    this.#luck = -Math.log(1 - random.uniform());
  }

  /** One week passes. */
  live(weather: WeekWeather): SimulatedWeek {
    const day = this.#day(weather, Math.exp(0.06 * this.#sensor.normal()));
    const severities = this.#faults.map((fault) => fault.severity(this.ageYears));
    const added = (effect: "vibration" | "rise" | "losses"): number =>
      this.#faults.reduce((sum, { mode }, i) => sum + mode[effect] * severities[i]!, 0);
    const extraK = added("rise") * (day.hottestC - weather.meanC);
    const before = { age: this.ageYears, consumed: this.#consumed };
    this.ageYears += 1 / WEEKS_PER_YEAR;
    this.#watched += 1 / WEEKS_PER_YEAR;
    this.#consumed += day.lifeUsed * this.#moisture * (this.#thermal === undefined ? 1 : 2 ** (extraK / 6));
    const faults = this.#faults.reduce(
      (sum, fault) => sum + fault.hazardUntil(this.ageYears) - fault.hazardUntil(before.age),
      0,
    );
    const wear = this.#consumed ** LIFE_SHAPE - before.consumed ** LIFE_SHAPE;
    const hazard = this.#frailty * (faults + wear) + UNANNOUNCED[this.kind] / WEEKS_PER_YEAR;
    this.#endured += hazard;
    return { row: this.#sensed(day, weather, extraK, added), hazard, failed: this.#endured >= this.#luck };
  }

  /** Faults are mended, but for those that are missed; paper and strands stay as old as they are. */
  service(): void {
    for (const fault of this.#faults) {
      if (!this.#nature.chance(MISSED)) fault.repair(this.ageYears, this.#nature);
    }
    this.#moisture *= DRIED;
  }

  #sensed(day: Day, weather: WeekWeather, extraK: number, added: (effect: "vibration" | "losses") => number): WeekRow {
    const random = this.#sensor;
    const excited = this.kind === "transformer" ? 0.4 + 0.6 * day.meanSquare : Math.exp(0.25 * random.normal());
    const measured = (value: number): number => (random.chance(LOST_SAMPLE) ? Number.NaN : value);
    const vibration = 1.5 * this.#offsets.vibration * excited * (1 + added("vibration"));
    return {
      load_mean: day.mean,
      load_peak: day.peak,
      ambient_c: weather.meanC,
      temperature_c: measured(day.hottestC + extraK + this.#offsets.kelvin + 1.5 * random.normal()),
      expected_c: day.hottestC,
      vibration_mm_s: measured(vibration * Math.exp(0.15 * random.normal())),
      loss_ratio: measured(this.#offsets.losses * (1 + added("losses")) * Math.exp(0.04 * random.normal())),
      life_used: day.lifeUsed,
    };
  }

  /** A day stands for its week. */
  #day(weather: WeekWeather, departure: number): Day {
    const level = this.#peak * (1 + this.#growth) ** this.#watched * (1 + 0.15 * Math.cos(weather.season)) * departure;
    return dayOf(this.#shape, level, weather, this.#thermal ?? this.#line!, 7);
  }

  /** Life that was consumed before it was watched: twelve days of a year, for as long as it is old. */
  #earlier(): number {
    let used = 0;
    const days = (this.ageYears * 365.25) / 12;
    const old = this.#thermal ?? this.#line!;
    for (let month = 0; month < 12; month++) {
      const weather = weatherOf((month * WEEKS_PER_YEAR) / 12, 0);
      const level = this.#peak * (1 + 0.15 * Math.cos(weather.season));
      used += dayOf(this.#shape, level, weather, old, days).lifeUsed;
    }
    return used * this.#moisture;
  }
}

interface Day {
  readonly mean: number;
  readonly peak: number;
  readonly meanSquare: number;
  readonly hottestC: number;
  readonly lifeUsed: number;
}

/** A day in steps, each counted for `days` days in what it wears. */
function dayOf(
  shape: Float64Array,
  level: number,
  weather: WeekWeather,
  state: TransformerTemperatures | LineTemperatures,
  days: number,
): Day {
  let [sum, squares, peak, hottestC, rate] = [0, 0, 0, -Infinity, 0];
  const strength = state instanceof LineTemperatures ? state.strength : 1;
  for (let step = 0; step < STEPS; step++) {
    const load = level * shape[step]!;
    sum += load;
    squares += load * load;
    peak = Math.max(peak, load);
    state.step(load, weather.stepsC[step]!, STEP_HOURS);
    if (state instanceof LineTemperatures) {
      hottestC = Math.max(hottestC, state.celsius);
      state.strength = strengthAfter(state.strength, state.celsius, STEP_HOURS * (days - 1));
    } else {
      hottestC = Math.max(hottestC, state.oilC);
      rate += ageingRate(state.hotSpotC);
    }
  }
  const lifeUsed =
    state instanceof LineTemperatures
      ? (strength - state.strength) / ALLOWED_LOSS
      : (rate * STEP_HOURS * days) / NORMAL_LIFE_HOURS;
  return { mean: sum / STEPS, peak, meanSquare: squares / STEPS, hottestC, lifeUsed };
}
