/** Power of photovoltaic plants and wind turbines from the weather of a moment. */
import { type Plane, onPlane } from "./irradiance.ts";
import { type Site, sunAt } from "./sun.ts";

/** The weather of a moment; means of the slot that it stands for. */
export interface Moment {
  readonly temperatureC: number;
  /** 0 to 1. */
  readonly cloud: number;
  /** At 10 m, m/s. */
  readonly windMps: number;
  /** At the site. */
  readonly pressureHpa: number;
}

export interface PvPlant extends Plane {
  readonly kind: "pv";
  /** Of the modules at 1000 W/m2 and 25 degrees. */
  readonly peakKw: number;
  /** Most that its inverter gives; default `peakKw`. */
  readonly inverterKw?: number;
  /** Wiring, dirt, inverter: 0 to below 1, default 0.14. */
  readonly losses?: number;
}

export interface WindPlant {
  readonly kind: "wind";
  readonly ratedKw: number;
  readonly hubM: number;
  /** Roughness length of the ground, m; default 0.1 (fields with hedges). */
  readonly roughnessM?: number;
  /** m/s at the hub; default 3, 12, 25. */
  readonly cutInMps?: number;
  readonly ratedMps?: number;
  readonly cutOutMps?: number;
}

export type Plant = PvPlant | WindPlant;

/** Degrees that a module is above the air at 800 W/m2: its nominal operating temperature, 45, above 20. */
const RISE_C = 25;
/** Of crystalline silicon, per degree above 25. */
const PER_C = -0.004;
const DENSITY = 1.225;
/** Of dry air, J/(kg K). */
const GAS = 287.05;
const MEASURED_M = 10;

/** Most that a plant gives, kW. */
export function capacityKw(plant: Plant): number {
  return plant.kind === "pv" ? Math.min(plant.inverterKw ?? plant.peakKw, plant.peakKw) : plant.ratedKw;
}

/** Throws RangeError for the first figure that cannot be. */
export function checkPlant(plant: Plant): void {
  const check = (name: string, value: number, least: number, most: number, above = false): void => {
    if (value <= most && (above ? value > least : value >= least)) return;
    throw new RangeError(`${plant.kind}: ${name}: expected ${above ? "above " : ""}${least} to ${most}, got ${value}`);
  };
  if (plant.kind === "pv") {
    const { peakKw, tiltDeg, azimuthDeg, losses = 0, inverterKw = peakKw } = plant;
    check("peakKw", peakKw, 0, 1e7, true);
    check("inverterKw", inverterKw, 0, 1e7, true);
    check("tiltDeg", tiltDeg, 0, 90);
    check("azimuthDeg", azimuthDeg, 0, 360);
    check("losses", losses, 0, 0.99);
    return;
  }
  const { ratedKw, hubM, roughnessM = 0.1, cutInMps = 3, ratedMps = 12, cutOutMps = 25 } = plant;
  check("ratedKw", ratedKw, 0, 1e7, true);
  check("roughnessM", roughnessM, 0, 5, true);
  check("hubM", hubM, Math.max(roughnessM, 1), 300, true);
  check("cutInMps", cutInMps, 0, 30, true);
  check("ratedMps", ratedMps, cutInMps, 40, true);
  check("cutOutMps", cutOutMps, ratedMps, 60, true);
}

/** kW, from 0 to `capacityKw`. `unixSeconds` is the middle of the moment. */
export function powerKw(plant: Plant, moment: Moment, unixSeconds: number, site: Site): number {
  return plant.kind === "pv" ? pvKw(plant, moment, unixSeconds, site) : windKw(plant, moment);
}

function pvKw(plant: PvPlant, { cloud, temperatureC }: Moment, unixSeconds: number, site: Site): number {
  const irradiance = onPlane(sunAt(unixSeconds, site), cloud, plant);
  const moduleC = temperatureC + (RISE_C * irradiance) / 800;
  const direct = plant.peakKw * (irradiance / 1_000) * (1 + PER_C * (moduleC - 25)) * (1 - (plant.losses ?? 0.14));
  return Math.max(0, Math.min(direct, capacityKw(plant)));
}

/** kg/m3 of dry air. */
export function airDensity({ temperatureC, pressureHpa }: Pick<Moment, "temperatureC" | "pressureHpa">): number {
  return (pressureHpa * 100) / (GAS * (temperatureC + 273.15));
}

/** Wind at the hub by the logarithmic profile of neutral air. */
export function windAtHub({ hubM, roughnessM = 0.1 }: WindPlant, windMps: number): number {
  return (windMps * Math.log(hubM / roughnessM)) / Math.log(MEASURED_M / roughnessM);
}

/**
 * Grows with the cube of the wind from cut-in to rated. Thin air counts as less wind below rated power, as IEC 61400-12-1
 * has it for turbines that pitch.
 */
function windKw(plant: WindPlant, moment: Moment): number {
  const { ratedKw, cutInMps = 3, ratedMps = 12, cutOutMps = 25 } = plant;
  const wind = windAtHub(plant, moment.windMps);
  const felt = wind * Math.cbrt(airDensity(moment) / DENSITY);
  if (felt < cutInMps || wind >= cutOutMps) return 0;
  return ratedKw * Math.min(1, (felt ** 3 - cutInMps ** 3) / (ratedMps ** 3 - cutInMps ** 3));
}
