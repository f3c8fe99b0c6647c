/** Where the sun stands, and what it gives above the atmosphere: J. W. Spencer's series (Search 2 (1971) 172), good to 0.04 degrees. */

export interface Site {
  /** Degrees, north above 0, -90 to 90. */
  readonly latitudeDeg: number;
  /** Degrees, east above 0, -180 to 180. */
  readonly longitudeDeg: number;
}

export interface Sun {
  /** Cosine of the angle from straight up; below 0 the sun is down. */
  readonly cosZenith: number;
  /** From north over east, 0 to 2 pi. */
  readonly azimuthRad: number;
  /** W/m2 on a plane that faces the sun, outside the atmosphere. */
  readonly outsideWm2: number;
}

const SOLAR_CONSTANT = 1_361;
const DAY_SECONDS = 86_400;
const RAD = Math.PI / 180;

/** Throws RangeError for no place on earth. */
export function checkSite({ latitudeDeg, longitudeDeg }: Site): void {
  if (!(Math.abs(latitudeDeg) <= 90)) throw new RangeError(`latitudeDeg: expected -90 to 90, got ${latitudeDeg}`);
  if (!(Math.abs(longitudeDeg) <= 180)) throw new RangeError(`longitudeDeg: expected -180 to 180, got ${longitudeDeg}`);
}

/** Radians that the year has turned through. */
function dayAngle(unixSeconds: number): number {
  const year = new Date(unixSeconds * 1_000).getUTCFullYear();
  const begins = Date.UTC(year, 0, 1) / 1_000;
  const days = (Date.UTC(year + 1, 0, 1) / 1_000 - begins) / DAY_SECONDS;
  return (2 * Math.PI * (unixSeconds - begins)) / (days * DAY_SECONDS);
}

/** Of the sun over the equator, radians. */
export function declination(unixSeconds: number): number {
  const g = dayAngle(unixSeconds);
  return (
    0.006918 -
    0.399912 * Math.cos(g) +
    0.070257 * Math.sin(g) -
    0.006758 * Math.cos(2 * g) +
    0.000907 * Math.sin(2 * g) -
    0.002697 * Math.cos(3 * g) +
    0.00148 * Math.sin(3 * g)
  );
}

/** Radians since the sun stood in the south (north of the tropics), -pi to pi. */
export function hourAngle(unixSeconds: number, longitudeDeg: number): number {
  const g = dayAngle(unixSeconds);
  const equation =
    0.0000075 +
    0.001868 * Math.cos(g) -
    0.032077 * Math.sin(g) -
    0.014615 * Math.cos(2 * g) -
    0.040849 * Math.sin(2 * g);
  const ofDay = (unixSeconds % DAY_SECONDS) / DAY_SECONDS;
  const angle = 2 * Math.PI * (ofDay - 0.5) + longitudeDeg * RAD + equation;
  return Math.atan2(Math.sin(angle), Math.cos(angle));
}

/** `unixSeconds` from 1970 on. */
export function sunAt(unixSeconds: number, { latitudeDeg, longitudeDeg }: Site): Sun {
  const g = dayAngle(unixSeconds);
  const [latitude, decline] = [latitudeDeg * RAD, declination(unixSeconds)];
  const hour = hourAngle(unixSeconds, longitudeDeg);
  const cosZenith = Math.sin(latitude) * Math.sin(decline) + Math.cos(latitude) * Math.cos(decline) * Math.cos(hour);
  const west = Math.sin(hour);
  const south = Math.cos(hour) * Math.sin(latitude) - Math.tan(decline) * Math.cos(latitude);
  const nearer =
    1.00011 + 0.034221 * Math.cos(g) + 0.00128 * Math.sin(g) + 0.000719 * Math.cos(2 * g) + 0.000077 * Math.sin(2 * g);
  return { cosZenith, azimuthRad: Math.atan2(west, south) + Math.PI, outsideWm2: SOLAR_CONSTANT * nearer };
}
