/** What exact noise and its accounting cost: draws for an update of 10,000 coordinates, and questions to both accountants. */
import { randomBytes } from "node:crypto";
import { calibrateGaussian } from "../analytics/privacy/calibrate.ts";
import { gaussianPldEpsilon } from "../analytics/privacy/pld/accountant.ts";
import { epsilonAt, rdpVector } from "../analytics/privacy/rdp/accountant.ts";
import { gaussianRdp } from "../analytics/privacy/rdp/gaussian.ts";
import { DiscreteGaussian, RandomBits, roundByChance, Skellam } from "../protocol/noise/index.ts";
import { duration, figuresTable } from "./words.ts";

interface Measurement {
  readonly name: string;
  /** Best of the rounds. */
  readonly seconds: number;
}

const COORDINATES = 10_000;
const VARIANCES = [100n, 10_000n, 1_000_000n, 100_000_000n];

/** Measures and returns all figures; prints them as a table unless `json`. `quick` takes fewer rounds. */
export function run({ json, quick }: { json: boolean; quick: boolean }): Promise<Record<string, unknown>> {
  const rounds = quick ? 2 : 10;
  const measurements = [...draws(rounds), ...questions(quick ? 1 : 3)];
  if (!json) {
    const rows = measurements.map(({ name, seconds }) => [name, duration(seconds)]);
    process.stdout.write(`${figuresTable(["privacy", "time"], rows)}\n`);
  }
  return Promise.resolve({ coordinates: COORDINATES, measurements });
}

function best(name: string, rounds: number, work: () => unknown): Measurement {
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const from = performance.now();
    work();
    seconds = Math.min(seconds, (performance.now() - from) / 1_000);
  }
  return { name, seconds };
}

function draws(rounds: number): Measurement[] {
  const bits = new RandomBits(randomBytes);
  const repeat = (draw: () => number) => () => {
    for (let i = 0; i < COORDINATES; i++) draw();
  };
  const noise = VARIANCES.flatMap((numerator) => {
    const variance = { numerator, denominator: 1n };
    const gaussian = new DiscreteGaussian(variance, bits);
    const skellam = new Skellam(variance, bits);
    return [
      best(
        `discrete Gaussian, variance ${numerator}`,
        rounds,
        repeat(() => gaussian.draw()),
      ),
      best(`Skellam, variance ${numerator}: its table`, Math.min(rounds, 3), () => new Skellam(variance, bits)),
      best(
        `Skellam, variance ${numerator}`,
        rounds,
        repeat(() => skellam.draw()),
      ),
    ];
  });
  return [
    ...noise,
    best(
      "rounding by chance",
      rounds,
      repeat(() => roundByChance(-12.3, bits)),
    ),
  ];
}

function questions(rounds: number): Measurement[] {
  const mechanism = { noise: 1.5, rate: 0.04 };
  const budget = { epsilon: 8, delta: 1e-5, rate: 1, rounds: 30 };
  return [
    best("epsilon of 2,250 sampled rounds, Renyi", rounds, () =>
      epsilonAt(
        rdpVector((order) => gaussianRdp(mechanism, order), 2_250),
        1e-5,
      ),
    ),
    best("epsilon of 2,250 sampled rounds, loss distribution", rounds, () =>
      gaussianPldEpsilon(mechanism, 2_250, 1e-5),
    ),
    best("noise for epsilon 8 over 30 rounds, Renyi", rounds, () => calibrateGaussian(budget)),
    best("noise for epsilon 8 over 30 rounds, loss distribution", rounds, () => calibrateGaussian(budget, "pld", 1e-3)),
  ];
}
