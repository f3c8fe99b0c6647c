/** Renewables as others use them: plants from the weather, the mix of a while, the day ahead, what a feeder can take. */
export { type DayRequest, type RenewableDay, renewableDay } from "./day.ts";
export { evaluateForecast, type ForecastRow, type ForecastTrial } from "./forecast/evaluate.ts";
export { type Known, PlantForecaster } from "./forecast/forecast.ts";
export {
  type BusCapacity,
  type Capacity,
  capacityByBus,
  HostingGrid,
  type HostingRequest,
  percentile,
  type RandomCapacity,
  randomCapacity,
  type Rollouts,
  uniformCapacity,
} from "./hosting/hosting.ts";
export { type Mix, mixOf, type MixRequest, outputOf, summed, usualLoad } from "./mix.ts";
export type { Moment, Plant, PvPlant, WindPlant } from "./plants/plant.ts";
export { type Site, type Sun, sunAt } from "./plants/sun.ts";
export { type SimulatedWeather, simulateWeather, type WeatherPlan } from "./weather/simulate.ts";
export { parseWeather, type Weather, WeatherFileError, weatherCsv } from "./weather/weather.ts";
