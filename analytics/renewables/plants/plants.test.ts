/** Sun, light and plants against what astronomy and physics say of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { clearSky, cloudFactor, diffuseShare, onPlane } from "./irradiance.ts";
import { airDensity, capacityKw, checkPlant, powerKw, type PvPlant, windAtHub, type WindPlant } from "./plant.ts";
import { declination, hourAngle, sunAt } from "./sun.ts";

const DEG = 180 / Math.PI;
const at = (text: string): number => Date.parse(text) / 1_000;
const CALM = { temperatureC: 15, cloud: 0, windMps: 0, pressureHpa: 1_013.25 };

/** Hours with the sun above the horizon, by the minute. */
function daylight(day: string, latitudeDeg: number): number {
  let minutes = 0;
  for (let minute = 0; minute < 1_440; minute++) {
    minutes += Number(sunAt(at(`${day}T00:00:00Z`) + minute * 60, { latitudeDeg, longitudeDeg: 0 }).cosZenith > 0);
  }
  return minutes / 60;
}

test("the sun stands where the almanac has it at solstices and equinoxes", () => {
  for (const [day, degrees] of [
    ["2025-06-21T02:42:00Z", 23.436],
    ["2025-12-21T15:03:00Z", -23.436],
    ["2025-03-20T09:01:00Z", 0],
    ["2025-09-22T18:19:00Z", 0],
  ] as const) {
    assert.ok(Math.abs(declination(at(day)) * DEG - degrees) < 0.35, `${day}: ${declination(at(day)) * DEG}`);
  }
  // The equation of time is +16.4 minutes on 3 November and -14.2 on 11 February.
  assert.ok(Math.abs((hourAngle(at("2025-11-03T12:00:00Z"), 0) * DEG) / 15 - 16.4 / 60) < 0.02);
  assert.ok(Math.abs((hourAngle(at("2025-02-11T12:00:00Z"), 0) * DEG) / 15 + 14.2 / 60) < 0.02);
  // At noon in June on the tropic the sun is straight up; at the pole it is as high as its declination, all day.
  assert.ok(sunAt(at("2025-06-21T12:02:00Z"), { latitudeDeg: 23.44, longitudeDeg: 0 }).cosZenith > 0.9999);
  for (const hour of ["00", "07", "19"]) {
    const { cosZenith } = sunAt(at(`2025-06-21T${hour}:00:00Z`), { latitudeDeg: 90, longitudeDeg: 0 });
    assert.ok(Math.abs(Math.asin(cosZenith) * DEG - 23.44) < 0.1);
  }
});

test("days last as long as geometry says: 2 acos(-tan latitude tan declination) / 15", () => {
  for (const [latitude, day] of [
    [0, "2025-06-21"],
    [48.2, "2025-06-21"],
    [48.2, "2025-12-21"],
    [-33.9, "2025-12-21"],
    [60, "2025-03-20"],
  ] as const) {
    const decline = declination(at(`${day}T12:00:00Z`));
    const hours = (2 * Math.acos(-Math.tan(latitude / DEG) * Math.tan(decline)) * DEG) / 15;
    assert.ok(
      Math.abs(daylight(day, latitude) - hours) < 0.1,
      `${latitude} ${day}: ${daylight(day, latitude)} ${hours}`,
    );
  }
  assert.ok(Math.abs(daylight("2025-06-21", 48.2) - 15.9) < 0.15, "Vienna: about 16 hours with refraction");
  assert.equal(daylight("2025-06-21", 70), 24);
  assert.equal(daylight("2025-12-21", 70), 0);
});

test("the sun is in the east before noon, in the south at noon, in the west after; a day is symmetric around noon", () => {
  const site = { latitudeDeg: 45, longitudeDeg: 0 };
  const noon = at("2025-06-21T12:02:00Z");
  const [before, middle, after] = [-4, 0, 4].map((hours) => sunAt(noon + hours * 3_600, site));
  assert.ok(Math.abs(middle!.azimuthRad * DEG - 180) < 1);
  assert.ok(before!.azimuthRad * DEG < 110 && after!.azimuthRad * DEG > 250);
  assert.ok(Math.abs(before!.cosZenith - after!.cosZenith) < 4e-3);
  const south: PvPlant = { kind: "pv", peakKw: 10, tiltDeg: 30, azimuthDeg: 180 };
  for (const hours of [1, 3, 6]) {
    const [early, late] = [-hours, hours].map((away) => powerKw(south, CALM, noon + away * 3_600, site));
    assert.ok(Math.abs(early! - late!) < 0.02 * capacityKw(south), `${hours}: ${early} ${late}`);
  }
  const [morning, evening] = [90, 270].map((azimuthDeg) =>
    powerKw({ ...south, azimuthDeg }, CALM, noon - 3 * 3_600, site),
  );
  assert.ok(morning! > 1.3 * evening!, "a plane to the east has its sun in the morning");
});

test("light: nothing at night, less under clouds, never more than outside; flat planes get what the horizontal gets", () => {
  const site = { latitudeDeg: 48.2, longitudeDeg: 16.4 };
  for (let slot = 0; slot < 8_760; slot += 7) {
    const seconds = at("2025-01-01T00:30:00Z") + slot * 3_600;
    const sun = sunAt(seconds, site);
    const flat = onPlane(sun, 0, { tiltDeg: 0, azimuthDeg: 180 });
    if (sun.cosZenith <= 0) assert.equal(flat, 0);
    else assert.ok(flat <= clearSky(sun.cosZenith) * (1 + 1e-12) && flat < sun.outsideWm2 * sun.cosZenith);
    let last = Number.POSITIVE_INFINITY;
    for (const cloud of [0, 0.3, 0.6, 0.9, 1]) {
      const tilted = onPlane(sun, cloud, { tiltDeg: 35, azimuthDeg: 150 });
      assert.ok(tilted >= 0 && tilted < sun.outsideWm2, `${slot} ${cloud}: ${tilted}`);
      // A plane that the sun is behind gains from a thin cloud; the horizontal never does.
      const light = onPlane(sun, cloud, { tiltDeg: 0, azimuthDeg: 0 });
      assert.ok(light <= last + 1e-9, `${slot} ${cloud}: ${light}`);
      last = light;
    }
  }
  // Haurwitz with the sun straight up, and Kasten and Czeplak under a closed sky.
  assert.ok(Math.abs(clearSky(1) - 1_098 * Math.exp(-0.059)) < 1e-9);
  assert.equal(cloudFactor(1), 0.25);
  // Erbs: pieces meet, all is diffuse in the dark.
  for (const edge of [0.22, 0.8]) assert.ok(Math.abs(diffuseShare(edge) - diffuseShare(edge + 1e-9)) < 0.01);
  assert.equal(diffuseShare(0), 1);
});

test("modules lose power when warm and stop at their inverter; a year of Vienna is about what plants there give", () => {
  const site = { latitudeDeg: 48.2, longitudeDeg: 16.4 };
  const plant: PvPlant = { kind: "pv", peakKw: 10, tiltDeg: 30, azimuthDeg: 180 };
  const noon = at("2025-06-21T10:55:00Z");
  const [cold, warm] = [0, 40].map((temperatureC) => powerKw(plant, { ...CALM, temperatureC }, noon, site));
  assert.ok(Math.abs(warm! / cold! - (1 - (0.004 * 40) / (1 - 0.004 * (moduleAbove(noon, site) - 25)))) < 1e-9);
  assert.equal(powerKw({ ...plant, inverterKw: 5 }, CALM, noon, site), 5);
  let kwh = 0;
  for (let hour = 0; hour < 8_760; hour++) {
    kwh += powerKw(plant, { ...CALM, cloud: 0.62 }, at("2025-01-01T00:30:00Z") + hour * 3_600, site);
  }
  assert.ok(kwh / 10 > 900 && kwh / 10 < 1_700, `${kwh / 10} kWh per kW of peak`);
});

/** Degrees of the modules above the air. */
function moduleAbove(seconds: number, site: { latitudeDeg: number; longitudeDeg: number }): number {
  return (25 * onPlane(sunAt(seconds, site), 0, { tiltDeg: 30, azimuthDeg: 180 })) / 800;
}

test("a turbine gives nothing below cut-in and from cut-out on, its rated power between, the cube of the wind below it", () => {
  const plant: WindPlant = { kind: "wind", ratedKw: 2_000, hubM: 10 };
  const kw = (windMps: number, more = {}): number => {
    const standard = { temperatureC: 15, pressureHpa: 1_013.25, cloud: 0 };
    return powerKw(plant, { ...standard, windMps, ...more }, 0, { latitudeDeg: 0, longitudeDeg: 0 });
  };
  assert.deepEqual(
    [0, 2.99, 25, 40].map((wind) => kw(wind)),
    [0, 0, 0, 0],
  );
  assert.deepEqual(
    [12.01, 18, 24.9].map((wind) => kw(wind)),
    [2_000, 2_000, 2_000],
  );
  let last = 0;
  for (let wind = 3.1; wind < 12; wind += 0.1) {
    assert.ok(kw(wind) > last);
    last = kw(wind);
  }
  assert.ok(Math.abs(kw(8) - (2_000 * (512 - 27)) / (1_728 - 27)) < 1, `${kw(8)}`);
  assert.ok(Math.abs(airDensity({ temperatureC: 15, pressureHpa: 1_013.25 }) - 1.225) < 1e-3);
  assert.ok(kw(8, { temperatureC: 35, pressureHpa: 900 }) < kw(8), "thin air");
  assert.equal(windAtHub({ ...plant, hubM: 100 }, 5), (5 * Math.log(1_000)) / Math.log(100));
  assert.throws(() => checkPlant({ ...plant, hubM: 0.5 }), /wind: hubM: expected above 1 to 300, got 0.5/);
  assert.throws(
    () => checkPlant({ kind: "pv", peakKw: 0, tiltDeg: 30, azimuthDeg: 0 }),
    /pv: peakKw: expected above 0/,
  );
});
