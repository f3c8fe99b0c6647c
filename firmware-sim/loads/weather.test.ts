import assert from "node:assert/strict";
import { test } from "node:test";
import { loadModel } from "./model-options.ts";
import { nameOf } from "./random.ts";
import { clearSkyIrradiance, cloudFactor, cosZenith, RegionWeather } from "./weather.ts";

const zenith = (iso: string, latitude: number, longitude: number): number =>
  (Math.acos(cosZenith(Date.parse(iso) / 1000, latitude, longitude)) * 180) / Math.PI;

test("the sun stands where astronomy puts it, within half a degree", () => {
  // At the solstices the noon zenith angle is the latitude less or plus the obliquity, 23.44 degrees.
  assert.ok(Math.abs(zenith("2025-06-21T12:02:00Z", 51.5, 0) - (51.5 - 23.44)) < 0.5);
  assert.ok(Math.abs(zenith("2025-12-21T11:58:00Z", 51.5, 0) - (51.5 + 23.44)) < 0.5);
  // At an equinox the sun passes nearly overhead at the equator, and rises due east six hours before.
  assert.ok(zenith("2025-03-20T12:07:00Z", 0, 0) < 0.5);
  assert.ok(Math.abs(zenith("2025-03-20T06:07:00Z", 40, 0) - 90) < 0.6);
});

test("noon comes earlier in the east", () => {
  assert.ok(zenith("2025-06-21T10:00:00Z", 50, 30) < zenith("2025-06-21T10:00:00Z", 50, 0));
});

test("clear-sky irradiance is zero at the horizon and near 1035 W/m2 overhead", () => {
  assert.equal(clearSkyIrradiance(0), 0);
  assert.equal(clearSkyIrradiance(-0.5), 0);
  assert.ok(Math.abs(clearSkyIrradiance(1) - 1035) < 1);
});

test("a covered sky leaves a quarter of the irradiance", () => {
  assert.equal(cloudFactor(0), 1);
  assert.equal(cloudFactor(1), 0.25);
});

test("cloudy and clear days both occur, and neighbouring days are alike", () => {
  const weather = new RegionWeather(nameOf("seed"), 0, loadModel());
  const covers = Array.from({ length: 730 }, (_, i) => weather.day(20_000 + i).cloudCover);
  assert.ok(covers.filter((cover) => cover < 0.2).length > 30);
  assert.ok(covers.filter((cover) => cover > 0.8).length > 200);
  const mean = covers.reduce((sum, cover) => sum + cover, 0) / covers.length;
  let variance = 0;
  let covariance = 0;
  for (const [i, cover] of covers.entries()) {
    variance += (cover - mean) ** 2;
    if (i > 0) covariance += (cover - mean) * ((covers[i - 1] ?? mean) - mean);
  }
  assert.ok(covariance / variance > 0.4, `correlation ${covariance / variance}`);
});

test("January is cold and July warm in the north, the reverse in the south", () => {
  const meanC = (latitude: number, day: number): number => {
    const weather = new RegionWeather(nameOf("seed"), 0, loadModel({ latitude }));
    let sum = 0;
    for (let i = 0; i < 30; i += 1) sum += weather.day(day + i).temperatureC.reduce((s, t) => s + t, 0) / 96;
    return sum / 30;
  };
  const [january, july] = [Date.UTC(2025, 0, 5) / 86_400_000, Date.UTC(2025, 6, 5) / 86_400_000];
  assert.ok(meanC(51, january) < 4 && meanC(51, july) > 16);
  assert.ok(meanC(-34, january) > 16 && meanC(-34, july) < 4);
});
