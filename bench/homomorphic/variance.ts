/** The variance of a fleet per slot by real products of ciphertexts, opened with flooding, against plain computation. */
import { bindCircuit } from "../../protocol/ckks/circuits/index.ts";
import { strideOf, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import { DAY_SLOTS, dayOf, packedDay } from "./meters.ts";
import { type BenchParty, openSlots, SETTINGS, sigmaBitsOf } from "./party.ts";
import { once } from "./stopwatch.ts";

export interface VarianceFigures {
  readonly meters: number;
  /** Unpacking, squaring and adding all, and one relinearisation. */
  readonly computeMs: number;
  readonly relativeError: number;
  readonly sigmaBits: readonly number[];
}

export function varianceAccuracy(party: BenchParty, meters: number, onDone: (done: number) => void): VarianceFigures {
  const { engine, parameters } = party;
  const { circuit, parameters: none } = bindCircuit("variance", {}, DAY_SLOTS);
  const shape = { slots: DAY_SLOTS, meters, maxValue: SETTINGS.maxReadingWh };
  const stride = strideOf(DAY_SLOTS, engine.degree);
  const evaluation = circuit.start(engine, none, DAY_SLOTS);
  const [sums, squares] = [new Float64Array(DAY_SLOTS), new Float64Array(DAY_SLOTS)];
  let computeMs = 0;
  for (let meter = 1; meter <= meters; meter++) {
    const day = dayOf(meter);
    const bytes = packedDay(party, day, true);
    computeMs += once(() => evaluation.fold([unpackCiphertext(engine, bytes, engine.dataLevels)])).ms;
    for (const [slot, value] of day.entries()) {
      sums[slot]! += value;
      squares[slot]! += value ** 2;
    }
    onDone(meter);
  }
  const start = performance.now();
  const outputs = evaluation.finish();
  computeMs += performance.now() - start;
  evaluation.delete();
  const sigmaBits = circuit
    .noise(parameters, engine.dataLevels, none, shape)
    .map(({ sigma }) => sigmaBitsOf(party, engine.dataLevels, sigma, engine.degree / stride));
  const opened = outputs.map((raw, at) => openSlots(party, raw, stride, sigmaBits[at]!));
  const found = circuit.open(none, shape, opened)["variance"] as readonly number[];
  const errors = found.map((value, slot) => {
    const exact = squares[slot]! / meters - (sums[slot]! / meters) ** 2;
    return Math.abs(value / exact - 1);
  });
  return { meters, computeMs, relativeError: Math.max(...errors), sigmaBits };
}
