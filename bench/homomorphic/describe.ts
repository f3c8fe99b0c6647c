/** The figures on ciphertexts as people read them. */
import type { Cell } from "../../config/runtime/terminal.ts";
import { duration, figure, figuresTable } from "../words.ts";
import type { SetFigures } from "./operations.ts";
import type { PackingFigures } from "./packing.ts";
import type { SoakResult } from "./soak.ts";
import type { ScalingFigures, SumFigures } from "./sums.ts";
import type { VarianceFigures } from "./variance.ts";

export interface HomomorphicResult {
  readonly naiveBytes: number;
  readonly sets: readonly SetFigures[];
  readonly packing: readonly PackingFigures[];
  readonly sums: readonly SumFigures[];
  readonly threads: readonly ScalingFigures[];
  readonly soak: SoakResult;
  readonly variance: VarianceFigures;
}

/** What the steps of operations.ts are called for readers. */
const STEPS: Readonly<Record<string, string>> = {
  encode: "encode a day",
  encrypt: "encrypt in SEAL",
  "encrypt by ourselves": "encrypt, with the randomness at hand",
  "prove authorship": "prove that the meter made it",
  "check authorship": "check the proof",
  save: "save to residues",
  pack: "pack for the wire",
  unpack: "unpack and check",
  "add residues": "add to a running sum",
  load: "load into SEAL",
  "add in SEAL": "add in SEAL",
  multiply: "multiply, relinearise, rescale",
  rotate: "rotate by one slot",
  randomise: "randomise before opening",
  partial: "partial decryption",
  combine: "combine two parts",
};

/** What the prototype took for a reading, twenty in a ciphertext. */
const PROTOTYPE = { batch: 20, ms: [2.5, 5] } as const;

/** Samples of memory that are printed. */
const MEMORY_ROWS = 10;

export function describeHomomorphic(result: HomomorphicResult): string {
  const { sets, packing, sums, threads, soak, variance } = result;
  return [
    steps(sets),
    sizes(result),
    figuresTable(
      ["readings in a ciphertext", "ms", "µs per reading", "bytes", "bytes per reading"],
      packing.map(({ readings, ms, msPerReading, bytes, bytesPerReading }) => [
        figure(readings),
        figure(ms, 2),
        figure(1_000 * msPerReading, 1),
        figure(bytes),
        figure(bytesPerReading, 1),
      ]),
    ),
    prototype(packing),
    figuresTable(
      ["ciphertexts in a sum", "time", "processor time", "µs per ciphertext", "resident MiB"],
      sums.map(({ ciphertexts, ms, cpuMs, residentMiB }) => [
        figure(ciphertexts),
        duration(ms / 1_000),
        duration(cpuMs / 1_000),
        figure((1_000 * ms) / ciphertexts),
        figure(residentMiB),
      ]),
    ),
    figuresTable(
      ["threads", "time of a sum", "ciphertexts per second", "speed-up", "processor µs per ciphertext"],
      threads.map(({ threads: count, ciphertexts, ms, cpuMs, speedUp }) => [
        figure(count),
        duration(ms / 1_000),
        figure((1_000 * ciphertexts) / ms),
        figure(speedUp, 2),
        figure((1_000 * cpuMs) / ciphertexts),
      ]),
    ),
    memory(soak),
    accuracy(soak, variance),
  ].join("\n");
}

function steps(sets: readonly SetFigures[]): string {
  const names = Object.keys(STEPS);
  const rows: Cell[][] = [
    ["make the context (once, processor time)", ...sets.map(({ contextCpuMs }) => figure(contextCpuMs))],
    ["generate keys (once, processor time)", ...sets.map(({ keygenCpuMs }) => figure(keygenCpuMs))],
    ...names.map((name) => [STEPS[name], ...sets.map(({ times }) => shortest(times[name]?.ms))]),
    ["encode, encrypt and pack: first time", ...sets.map(firstTime)],
  ];
  return figuresTable(["milliseconds of one step", ...sets.map(nameOf)], rows);
}

/** A meter encrypts once a day: what it then takes, before anything is compiled and cached. */
function firstTime({ times }: SetFigures): string {
  return figure(["encode", "encrypt", "save", "pack"].reduce((sum, name) => sum + times[name]!.firstMs, 0));
}

function sizes({ sets, naiveBytes }: HomomorphicResult): string {
  const rows: Cell[][] = [
    ["a day as it is sent", ...sets.map(({ dayBytes }) => figure(dayBytes))],
    ["the naive ciphertext is larger by", ...sets.map(({ dayBytes }) => `${figure(naiveBytes / dayBytes, 1)} times`)],
    ["with all of its first half", ...sets.map(({ wholeBytes }) => figure(wholeBytes))],
    ["as SEAL saves it", ...sets.map(({ sealBytes }) => figure(sealBytes))],
    ["public keys", ...sets.map(({ keyBytes }) => figure(keyBytes))],
    ["primes of what is opened", ...sets.map(({ openedPrimes }) => figure(openedPrimes))],
  ];
  return figuresTable([`bytes (naive: ${figure(naiveBytes)})`, ...sets.map(nameOf)], rows);
}

function prototype(packing: readonly PackingFigures[]): string {
  const same = packing.find(({ readings }) => readings === PROTOTYPE.batch)!;
  const [least, most] = PROTOTYPE.ms;
  const ratios = PROTOTYPE.ms.map((ms) => figure(ms / same.msPerReading));
  return (
    `The prototype took ${least} to ${most} ms per reading with ${PROTOTYPE.batch} in a ciphertext: ` +
    `${ratios.join(" to ")} times as much as here with as many.`
  );
}

function memory({ samples, ciphertexts, seconds, growthMiB }: SoakResult): string {
  const every = Math.max(1, Math.round(samples.length / MEMORY_ROWS));
  const shown = samples.filter((_, at) => (at + 1) % every === 0);
  const table = figuresTable(
    ["ciphertexts so far", "resident MiB", "heap MiB", "buffers MiB", "objects in SEAL"],
    shown.map((one) => [
      figure(one.ciphertexts),
      figure(one.residentMiB),
      figure(one.heapMiB),
      figure(one.buffersMiB),
      figure(one.sealObjects),
    ]),
  );
  const sign = growthMiB > 0 ? "more" : "less";
  return (
    `${table}\n${figure(ciphertexts)} ciphertexts made, checked and added in ${duration(seconds)}; the second half held ` +
    `${figure(Math.abs(growthMiB))} MiB ${sign} at its highest than the second quarter.`
  );
}

function accuracy({ accuracy: sums }: SoakResult, variance: VarianceFigures): string {
  const rows = sums.map(({ meters, sums: count, sumErrorWh, meanErrorWh, wrongSlots, sigmaBits }): Cell[] => [
    `sum of ${figure(meters)} meters, ${count} times`,
    `${figure(sumErrorWh, 2)} Wh; of the mean ${meanErrorWh.toExponential(0)} Wh`,
    `${wrongSlots === 0 ? "every slot rounds" : `${figure(wrongSlots)} slots do not round`} to the exact number`,
    `2^${figure(sigmaBits, 1)}`,
  ]);
  const { meters, relativeError, computeMs, sigmaBits } = variance;
  rows.push([
    `variance of ${figure(meters)} meters`,
    `${relativeError.toExponential(1)} of it`,
    `computed in ${duration(computeMs / 1_000)}`,
    sigmaBits.map((bits) => `2^${figure(bits, 1)}`).join(", "),
  ]);
  return figuresTable(["opened with flooding", "largest error", "", "sigma of each part"], rows);
}

function nameOf({ set, degree, primeBits }: SetFigures): string {
  return `${set} (${figure(degree)}, ${primeBits.length - 1} primes)`;
}

function shortest(ms: number | undefined): string {
  if (ms === undefined) return "no room";
  return figure(ms, ms < 0.1 ? 3 : ms < 10 ? 2 : ms < 100 ? 1 : 0);
}
