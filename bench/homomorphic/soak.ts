/**
 * Thousands of ciphertexts in, sums out: every one freshly encrypted, packed, hashed, unpacked and added; after each
 * thousand the sum is opened by two aggregators with their flooding and compared with the truth, and so is the sum of
 * ten thousand. Memory is noted on the way: it must not grow.
 */
import { bindCircuit, SumAccumulator } from "../../protocol/ckks/circuits/index.ts";
import { packedDigest, strideOf, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import { LiveObjects } from "../../protocol/ckks/seal/load.ts";
import { memoryMiB } from "../system/usage.ts";
import { DAY_SLOTS, dayOf, packedDay } from "./meters.ts";
import { type BenchParty, openSlots, SETTINGS, sigmaBitsOf } from "./party.ts";

const MIB = 2 ** 20;

export interface SoakSample {
  readonly ciphertexts: number;
  readonly residentMiB: number;
  readonly heapMiB: number;
  /** Typed arrays outside the JavaScript heap. */
  readonly buffersMiB: number;
  /** Objects of SEAL that wait for their deletion. */
  readonly sealObjects: number;
}

/** How far opened sums are from the truth, at worst. */
export interface SumAccuracy {
  readonly meters: number;
  readonly sums: number;
  readonly sumErrorWh: number;
  readonly meanErrorWh: number;
  /** Slots whose opened sum does not round to the exact number. */
  readonly wrongSlots: number;
  readonly sigmaBits: number;
}

export interface SoakResult {
  readonly ciphertexts: number;
  readonly seconds: number;
  readonly samples: readonly SoakSample[];
  /** The highest resident memory of the last half over the highest of the second quarter. */
  readonly growthMiB: number;
  readonly accuracy: readonly SumAccuracy[];
}

/** `sizes` are the groups that are summed: each meter counts in one of every size. */
export function soak(
  party: BenchParty,
  ciphertexts: number,
  sizes: readonly number[],
  onDone: (done: number) => void,
): SoakResult {
  const { engine } = party;
  const groups = sizes.map((size) => new Group(party, size));
  const samples: SoakSample[] = [];
  const start = performance.now();
  const every = sizes[0]!;
  for (let meter = 1; meter <= ciphertexts; meter++) {
    const day = dayOf(meter);
    const bytes = packedDay(party, day);
    packedDigest(bytes);
    const input = unpackCiphertext(engine, bytes, engine.dataLevels);
    for (const group of groups) group.add(input, day);
    if (meter % every !== 0) continue;
    samples.push(sample(meter));
    onDone(meter);
  }
  const resident = (from: number, to: number): number =>
    Math.max(
      ...samples.slice(Math.floor(from * samples.length), Math.ceil(to * samples.length)).map((one) => one.residentMiB),
    );
  return {
    ciphertexts,
    seconds: (performance.now() - start) / 1_000,
    samples,
    growthMiB: resident(0.5, 1) - resident(0.25, 0.5),
    accuracy: groups.map((group) => group.accuracy()),
  };
}

function sample(ciphertexts: number): SoakSample {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return {
    ciphertexts,
    residentMiB: memoryMiB(process.pid).now,
    heapMiB: heapUsed / MIB,
    buffersMiB: arrayBuffers / MIB,
    sealObjects: LiveObjects.count,
  };
}

/** Sums of so many meters, one after the other. */
class Group {
  readonly #party: BenchParty;
  readonly #meters: number;
  readonly #sigmaBits: number;
  #sum: SumAccumulator;
  readonly #truth = new Float64Array(DAY_SLOTS);
  #sums = 0;
  #error = 0;
  #wrong = 0;

  constructor(party: BenchParty, meters: number) {
    this.#party = party;
    this.#meters = meters;
    this.#sum = new SumAccumulator(party.engine);
    const { engine, parameters } = party;
    const { circuit, parameters: none } = bindCircuit("sum", {}, DAY_SLOTS);
    const shape = { slots: DAY_SLOTS, meters, maxValue: SETTINGS.maxReadingWh };
    const [noise] = circuit.noise(parameters, engine.dataLevels, none, shape);
    const opened = engine.degree / strideOf(DAY_SLOTS, engine.degree);
    this.#sigmaBits = sigmaBitsOf(party, engine.dataLevels, noise!.sigma, opened);
  }

  add(input: Parameters<SumAccumulator["add"]>[0], day: Float64Array): void {
    this.#sum.add(input);
    for (let slot = 0; slot < DAY_SLOTS; slot++) this.#truth[slot]! += day[slot]!;
    if (this.#sum.count === this.#meters) this.#open();
  }

  accuracy(): SumAccuracy {
    return {
      meters: this.#meters,
      sums: this.#sums,
      sumErrorWh: this.#error,
      meanErrorWh: this.#error / this.#meters,
      wrongSlots: this.#wrong,
      sigmaBits: this.#sigmaBits,
    };
  }

  #open(): void {
    const stride = strideOf(DAY_SLOTS, this.#party.engine.degree);
    const slots = openSlots(this.#party, this.#sum.sum(), stride, this.#sigmaBits);
    for (let slot = 0; slot < DAY_SLOTS; slot++) {
      const error = Math.abs(slots[slot]! - this.#truth[slot]!);
      this.#error = Math.max(this.#error, error);
      if (Math.round(slots[slot]!) !== this.#truth[slot]!) this.#wrong++;
    }
    this.#sums++;
    this.#truth.fill(0);
    this.#sum = new SumAccumulator(this.#party.engine);
  }
}
