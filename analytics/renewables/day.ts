/** A day of a grid with sun and wind, and what each of its buses could take: what an operator is shown. */
import type { Grid } from "../grid/index.ts";
import { capacityByBus, HostingGrid, type Limit } from "./hosting/hosting.ts";
import { mixOf, summed, usualLoad } from "./mix.ts";
import type { Plant } from "./plants/plant.ts";
import type { Site } from "./plants/sun.ts";
import { simulateWeather } from "./weather/simulate.ts";
import type { Weather } from "./weather/weather.ts";

export interface DayRequest extends Site {
  readonly grid: Grid;
  /** YYYY-MM-DD in UTC. */
  readonly date: string;
  readonly plants: readonly Plant[];
  /** Slots of that day; without it the weather is simulated by `seed` (default 1), hour by hour. */
  readonly weather?: Weather;
  readonly seed?: number;
  /** Of each slot; default a usual day whose peak is the grid's loads. */
  readonly loadMw?: ArrayLike<number>;
  /** Of what each bus could take: see HostingRequest. */
  readonly loadScale?: number;
  readonly vMaxPu?: number;
  readonly stepKw?: number;
}

export interface RenewableDay {
  /** The weather is made up. */
  readonly simulated: boolean;
  readonly date: string;
  readonly slots: readonly {
    /** Unix seconds. */
    readonly slotStart: number;
    readonly loadMw: number;
    readonly pvMw: number;
    readonly windMw: number;
    /** What is left for the supply; below 0 it is fed back. */
    readonly gridMw: number;
  }[];
  /** Of all energy that the day gives, 0 to 1; they sum up to 1. */
  readonly mix: { readonly pvShare: number; readonly windShare: number; readonly gridShare: number };
  readonly hosting: readonly { readonly bus: number; readonly mw: number; readonly limitedBy: string }[];
}

/** Throws RangeError for a date, plants or loads that cannot be. */
export function renewableDay(request: DayRequest): RenewableDay {
  const { grid, date, plants, seed = 1, loadScale, vMaxPu, stepKw = 10, latitudeDeg, longitudeDeg } = request;
  const site = { latitudeDeg, longitudeDeg };
  const start = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T00:00:00Z`) / 1_000 : Number.NaN;
  if (!(start >= 0)) throw new RangeError(`date: expected a day as 2025-06-21, got ${date}`);
  const weather = request.weather ?? simulateWeather({ ...site, seed, days: 1, start }).actual;
  const peakKw = grid.buses.reduce((sum, { loadMw }) => sum + Math.max(0, loadMw), 0) * 1_000;
  const { loadMw } = request;
  const loadKw =
    loadMw === undefined ? usualLoad(peakKw, weather, site) : Float64Array.from(loadMw, (mw) => mw * 1_000);
  const mixes = mixOf({ ...site, plants, weather, loadKw });
  const [{ pvKwh, windKwh, importKwh }] = summed(mixes, mixes.length) as [ReturnType<typeof summed>[number]];
  const whole = Math.max(pvKwh + windKwh + importKwh, 1e-9);
  const megawatts = 3.6 / weather.slotSeconds;
  const hosting = new HostingGrid({
    ...{ grid, stepKw },
    ...(loadScale === undefined ? {} : { loadScale }),
    ...(vMaxPu === undefined ? {} : { vMaxPu }),
  });
  return {
    ...{ simulated: request.weather === undefined, date },
    slots: mixes.map((mix) => ({
      slotStart: mix.start,
      loadMw: mix.loadKwh * megawatts,
      pvMw: mix.pvKwh * megawatts,
      windMw: mix.windKwh * megawatts,
      gridMw: (mix.importKwh - mix.exportKwh) * megawatts,
    })),
    mix: { pvShare: pvKwh / whole, windShare: windKwh / whole, gridShare: 1 - (pvKwh + windKwh) / whole },
    hosting: capacityByBus(hosting).map(({ bus, kw, limit }) => ({ bus, mw: kw / 1_000, limitedBy: wordsOf(limit) })),
  };
}

function wordsOf({ kind, element }: Limit): string {
  if (kind === "voltage") return `voltage of bus ${element}`;
  if (kind === "loading") return `loading of branch ${element}`;
  return kind === "flow" ? "no power flow beyond it" : "nothing that was tried";
}
