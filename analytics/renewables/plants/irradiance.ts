/** From the sun and the clouds to what reaches a tilted plane. All in W/m2. */
import type { Sun } from "./sun.ts";

/** On the horizontal under a clear sky: B. Haurwitz, J. Meteorology 2 (1945) 154. */
export function clearSky(cosZenith: number): number {
  return cosZenith > 0 ? 1_098 * cosZenith * Math.exp(-0.059 / cosZenith) : 0;
}

/** What clouds leave of it: F. Kasten and G. Czeplak, Solar Energy 24 (1980) 177. `cloud` from 0 (clear) to 1 (overcast). */
export function cloudFactor(cloud: number): number {
  return 1 - 0.75 * cloud ** 3.4;
}

/** Diffuse share of what reaches the horizontal, by clearness: D. G. Erbs et al., Solar Energy 28 (1982) 293. */
export function diffuseShare(clearness: number): number {
  if (clearness <= 0.22) return 1 - 0.09 * clearness;
  if (clearness > 0.8) return 0.165;
  return 0.9511 - 0.1604 * clearness + 4.388 * clearness ** 2 - 16.638 * clearness ** 3 + 12.336 * clearness ** 4;
}

export interface Plane {
  /** Degrees from the horizontal, 0 to 90. */
  readonly tiltDeg: number;
  /** Degrees from north over east: 180 faces south. */
  readonly azimuthDeg: number;
}

/** Of the ground around a plane. */
const ALBEDO = 0.2;
const RAD = Math.PI / 180;

/**
 * Beam, diffuse light of an even sky, and light from the ground (B. Y. H. Liu and R. C. Jordan, Solar Energy 4 (1960)).
 * 0 while the sun is down.
 */
export function onPlane({ cosZenith, azimuthRad, outsideWm2 }: Sun, cloud: number, plane: Plane): number {
  const horizontal = clearSky(cosZenith) * cloudFactor(cloud);
  if (horizontal <= 0) return 0;
  const diffuse = horizontal * diffuseShare(horizontal / (outsideWm2 * cosZenith));
  const tilt = plane.tiltDeg * RAD;
  const sinZenith = Math.sqrt(Math.max(0, 1 - cosZenith ** 2));
  const facing =
    cosZenith * Math.cos(tilt) + sinZenith * Math.sin(tilt) * Math.cos(azimuthRad - plane.azimuthDeg * RAD);
  // Near the horizon a small error of the share would become a large beam; none is stronger than outside.
  const beam = Math.min((horizontal - diffuse) / cosZenith, outsideWm2);
  const sky = (diffuse * (1 + Math.cos(tilt))) / 2;
  const ground = (ALBEDO * horizontal * (1 - Math.cos(tilt))) / 2;
  return beam * Math.max(0, facing) + sky + ground;
}
