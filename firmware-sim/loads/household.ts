/**
 * Computes one UTC day of one home: all loads and generation per slot, then integer watt-hours. The same (seed, meter,
 * day) gives the same day, whatever was computed before; nothing is carried from day to day.
 */
import { type ApplianceModel, startSecond } from "./appliances.ts";
import type { CivilDay } from "./civil-day.ts";
import { DAY_SECONDS } from "./civil-day.ts";
import { type Cycler, coefficientOfPerformance, type Home } from "./home.ts";
import type { LoadModelOptions } from "./model-options.ts";
import { mix32, type Name, PURPOSES, RandomStream } from "./random.ts";
import type { WeatherDay } from "./weather.ts";

/** The longest time a load can last past the end of the local day it began in. */
export const RUN_OVER_SECONDS = 14 * 3600;
const EV_KWH_RANGE = [2, 50] as const;
const NOISE_TABLE_SIZE = 4096;

/** Which loads to compute; all by default. For tests and studies of a single kind. */
export interface LoadParts {
  readonly household: boolean;
  readonly fridge: boolean;
  readonly heatPump: boolean;
  readonly ev: boolean;
  readonly pv: boolean;
}

export const ALL_PARTS: LoadParts = { household: true, fridge: true, heatPump: true, ev: true, pv: true };

/** Renders meter-days; one instance per process, not shared between concurrent computations. */
export class HouseholdModel {
  private readonly seed: Name;
  private readonly options: LoadModelOptions;
  private readonly models: readonly ApplianceModel[];
  private readonly slotSeconds: number;
  private readonly noise: Float64Array;
  private readonly stream = new RandomStream();
  private readonly load: Float64Array;

  constructor(seed: Name, options: LoadModelOptions, models: readonly ApplianceModel[], slotSeconds: number) {
    this.seed = seed;
    this.options = options;
    this.models = models;
    this.slotSeconds = slotSeconds;
    this.noise = noiseTable(options.quarterNoiseSigma);
    this.load = new Float64Array(DAY_SECONDS / slotSeconds);
  }

  /** Fills `importWh` and `exportWh` (one entry per slot of the day; undefined: a home that cannot export). */
  render(
    home: Home,
    civil: CivilDay,
    weather: WeatherDay,
    generationWhPerKw: Float64Array,
    importWh: Int32Array,
    exportWh: Int32Array | undefined,
    parts: LoadParts = ALL_PARTS,
  ): void {
    this.load.fill(0);
    if (parts.household) this.addRest(home, civil, parts);
    if (parts.household || parts.ev) this.addRuns(home, civil, parts);
    if (parts.fridge) this.addCycles(home.fridge, home.name, civil, () => home.fridgeMeanW / home.fridge.powerW);
    const { heatPump } = home;
    if (heatPump !== undefined && parts.heatPump) {
      this.addCycles(heatPump, home.name, civil, (second) => {
        const outdoorC = weather.temperatureC[Math.floor(Math.max(0, second) / 900)] ?? 0;
        const heatW = heatPump.lossWPerK * Math.max(0, this.options.heatingLimitC - outdoorC) + this.options.hotWaterW;
        return heatW / coefficientOfPerformance(outdoorC) / heatPump.powerW;
      });
    }
    this.round(home, civil, parts.pv ? generationWhPerKw : undefined, importWh, exportWh);
  }

  /** Everything that is no single appliance: light, electronics, standby. */
  private addRest(home: Home, civil: CivilDay, parts: LoadParts): void {
    const { awayShare, awayLevel } = this.options;
    const presentLevel = (1 - awayShare * awayLevel) / (1 - awayShare);
    const levels = civil.localDays.map(({ number }) => {
      const { isAway, level } = this.enterLocalDay(home, number);
      return level * (isAway ? awayLevel : presentLevel);
    });
    const rest = civil.remainder(home.owned);
    const fridgeWh = parts.fridge ? (home.fridgeMeanW * this.slotSeconds) / 3600 : 0;
    const scale = home.annualKwh / 1000;
    const noise = this.stream.enter(this.seed, home.name, civil.start / DAY_SECONDS, PURPOSES.slotNoise);
    let factor = 1;
    let quarter = -1;
    for (let slot = 0; slot < rest.length; slot += 1) {
      const current = Math.floor((slot * this.slotSeconds) / 900);
      if (current !== quarter) {
        quarter = current;
        factor = this.noise[noise.next() & (NOISE_TABLE_SIZE - 1)] ?? 1;
      }
      const base = Math.max(0, scale * (rest[slot] ?? 0) - fridgeWh);
      const tilt = 1 + home.eveningTilt * (civil.evening[slot] ?? 0);
      this.load[slot] = base * tilt * factor * (levels[civil.localDayOfSlot[slot] ?? 0] ?? 1);
    }
  }

  /** Runs of appliances and charging sessions, begun on any local day that reaches into this UTC day. */
  private addRuns(home: Home, civil: CivilDay, parts: LoadParts): void {
    const { options, stream } = this;
    for (const { number, midnight, profileWh } of civil.localDays) {
      const { isAway } = this.enterLocalDay(home, number);
      const begin = midnight - civil.start;
      if (home.ev !== undefined) {
        const isCharging = stream.uniform() < options.evSessionsPerDay;
        const kwh = stream.logNormal(options.evSessionKwhMean, options.evSessionKwhSigma);
        const hour = Math.min(23, Math.max(14, home.ev.arrivalHour + 1.2 * stream.normal()));
        const seconds = (Math.min(EV_KWH_RANGE[1], Math.max(EV_KWH_RANGE[0], kwh)) * 3.6e6) / home.ev.chargerW;
        if (isCharging && parts.ev && !isAway) this.addBlock(begin + hour * 3600, seconds, home.ev.chargerW);
      }
      if (isAway || !parts.household) continue;
      const dayWh = ((home.annualKwh / 1000) * profileWh) / (1 - options.awayShare);
      for (const [i, { appliance, runWh, runSeconds, startCdf }] of this.models.entries()) {
        if ((home.owned & (1 << i)) === 0) continue;
        for (let runs = stream.poisson((appliance.share * dayWh) / runWh); runs > 0; runs -= 1) {
          const start = begin + startSecond(startCdf, stream.uniform());
          const strength = stream.between(0.8, 1.2);
          if (start >= DAY_SECONDS || start + runSeconds <= 0) continue;
          for (const block of appliance.program) {
            this.addBlock(start + block.fromSeconds, block.seconds, block.powerW * strength);
          }
        }
      }
    }
  }

  /** Moves the stream to the start of a local day and takes what the whole day depends on. */
  private enterLocalDay(home: Home, localDay: number): { isAway: boolean; level: number } {
    this.stream.enter(this.seed, home.name, localDay, PURPOSES.localDay);
    const isAway = this.stream.uniform() < this.options.awayShare;
    return { isAway, level: this.stream.logNormal(1, this.options.dayLevelSigma) };
  }

  /** On for the given part of each period, its length wobbling by a fifth from cycle to cycle. */
  private addCycles(cycler: Cycler, name: Name, civil: CivilDay, dutyAt: (second: number) => number): void {
    const { powerW, periodSeconds, phaseSeconds } = cycler;
    let cycle = Math.floor((civil.start - phaseSeconds) / periodSeconds);
    for (;;) {
      const begin = phaseSeconds + cycle * periodSeconds - civil.start;
      if (begin >= DAY_SECONDS) return;
      const wobble = 0.8 + 0.4 * mix32(name[0] ^ mix32(cycle ^ this.seed[0])) * 2 ** -32;
      this.addBlock(begin, Math.min(1, dutyAt(begin) * wobble) * periodSeconds, powerW);
      cycle += 1;
    }
  }

  /** Adds constant power from a second of this UTC day on; what lies outside the day is another day's. */
  private addBlock(fromSecond: number, seconds: number, powerW: number): void {
    const from = Math.max(0, fromSecond);
    const to = Math.min(DAY_SECONDS, fromSecond + seconds);
    if (to <= from) return;
    const { load, slotSeconds } = this;
    let slot = Math.floor(from / slotSeconds);
    for (let at = from; at < to; slot += 1) {
      const next = Math.min(to, (slot + 1) * slotSeconds);
      load[slot] = (load[slot] ?? 0) + (powerW * (next - at)) / 3600;
      at = next;
    }
  }

  /**
   * Nets load against generation per slot and rounds down, carrying the remainder to the next slot of the day. The
   * first remainder is random, so that the sum of a day is right on average although nothing passes midnight.
   */
  private round(
    home: Home,
    civil: CivilDay,
    generationWhPerKw: Float64Array | undefined,
    importWh: Int32Array,
    exportWh: Int32Array | undefined,
  ): void {
    const perKw = home.pv === undefined || exportWh === undefined ? undefined : generationWhPerKw;
    const kw = home.pv === undefined ? 0 : home.pv.peakKw * home.pv.yield;
    this.stream.enter(this.seed, home.name, ~(civil.start / DAY_SECONDS), PURPOSES.slotNoise);
    let importRest = this.stream.uniform();
    let exportRest = this.stream.uniform();
    for (let slot = 0; slot < this.load.length; slot += 1) {
      const net = (this.load[slot] ?? 0) - (perKw === undefined ? 0 : kw * (perKw[slot] ?? 0));
      if (net >= 0) {
        importRest += net;
        const whole = Math.floor(importRest);
        importWh[slot] = whole;
        importRest -= whole;
        if (exportWh !== undefined) exportWh[slot] = 0;
      } else {
        exportRest -= net;
        const whole = Math.floor(exportRest);
        importWh[slot] = 0;
        exportRest -= whole;
        if (exportWh !== undefined) exportWh[slot] = whole;
      }
    }
  }
}

/** Log-normal factors for draws to pick from, cheaper than drawing them anew. Their mean is exactly 1. */
function noiseTable(sigma: number): Float64Array {
  const table = new Float64Array(NOISE_TABLE_SIZE);
  const stream = new RandomStream().enter([0, 0], [0, 0], 0, PURPOSES.slotNoise);
  for (let i = 0; i < table.length; i += 1) table[i] = stream.logNormal(1, sigma);
  const mean = table.reduce((sum, value) => sum + value, 0) / table.length;
  return table.map((value) => value / mean);
}
