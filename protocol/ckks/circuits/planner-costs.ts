/**
 * What a job costs, from costs per residue that were measured. They are of one core of an AMD EPYC that
 * other work kept busy, Node 20.20, node-seal 6.0.3, in CPU time; another machine is off by its own factor.
 */
import { dataBits, dataLevels } from "../parameters.ts";
import type { CkksParameters } from "../parameters.ts";
import { periodOf } from "../packed.ts";
import type { CircuitNeeds, JobShape } from "./circuit.ts";
import { affordable, blocksOf } from "./compare-plan.ts";
import { depthOf, degreeOf } from "./minimax.ts";
import { levelAt } from "./minimax-chain.ts";

/** Nanoseconds per residue, and for switching keys per residue and digit. */
const MEASURED = {
  /** Unpacking and checking: 1.2 ms for 49,152 residues of `standard`. */
  unpack: 25,
  /** Adding to a sum: 0.28 ms for 49,152. */
  add: 6,
  /** Loading into SEAL, squaring and adding: 1.8 ms for 49,152. */
  product: 36,
  /** Loading, masking into its block and adding, on `strong`: 59 ms for 1,376,256. */
  mask: 43,
  /** Relinearising or rotating at degree N with L primes, per N L (L + 1): 5.7 ms for 98,304 (`standard`). */
  switchKeys: 58,
} as const;

export interface Cost {
  /** Of one core, at analytics; every aggregator of all n computes the same again. */
  readonly seconds: number;
  /** All inputs as they are stored and sent. */
  readonly inputBytes: number;
  /** What one aggregator sends of the outputs. */
  readonly partialBytes: number;
  /** Keys and running sums in memory. */
  readonly memoryBytes: number;
}

export interface CostRequest {
  readonly circuit: string;
  readonly set: CkksParameters;
  readonly level: number;
  readonly shape: JobShape;
  readonly needs: CircuitNeeds;
  /** Levels of a comparison; 0 for other circuits. */
  readonly thresholds: number;
  /** Primes of each output. */
  readonly outputLevels: readonly number[];
}

/** Estimates a job. */
export function costOf(request: CostRequest): Cost {
  const { circuit, set, level, shape, needs, thresholds, outputLevels } = request;
  const { degree } = set;
  const opened = 2 * periodOf(shape.slots);
  const inputs = shape.meters * needs.series;
  const sent = needs.wholeInputs ? degree : opened;
  const inputBytes = inputs * Math.ceil(((degree + sent) * dataBits(set, level)) / 8);
  const residues = (degree + sent) * level;
  const whole = 2 * degree * level;
  const switching = (at: number): number => MEASURED.switchKeys * degree * at * (at + 1);
  let nanoseconds = inputs * residues * MEASURED.unpack;
  if (circuit === "compare") {
    const places = blocksOf(degree, shape.slots, thresholds).meters;
    nanoseconds += shape.meters * whole * MEASURED.mask;
    nanoseconds += Math.ceil(shape.meters / places) * comparisonCost(set, 12, 0, switching);
  } else if (circuit === "max-of-two") {
    nanoseconds += inputs * whole * MEASURED.add + comparisonCost(set, 8, 1, switching);
  } else {
    nanoseconds += inputs * residues * MEASURED.add;
    if (needs.relin) nanoseconds += shape.meters * whole * MEASURED.product + switching(level);
    nanoseconds += needs.galoisSteps.length * outputLevels.length * switching(level);
  }
  const keyPolys = (needs.relin ? 1 : 0) + needs.galoisSteps.length;
  const keys = 8 * keyPolys * 2 * dataLevels(set) * (dataLevels(set) + 1) * degree;
  return {
    seconds: nanoseconds / 1e9,
    inputBytes,
    partialBytes: outputLevels.reduce((sum, one) => sum + Math.ceil((opened * dataBits(set, one)) / 8), 0),
    // One input unpacked, one as SEAL has it, sums; a comparison holds about thirty ciphertexts while it runs.
    memoryBytes: keys + 8 * whole * (thresholds > 0 || circuit === "max-of-two" ? 30 : 4 + outputLevels.length),
  };
}

/** Products of every stage: depth powers and, in the splits, one for each coefficient less one; then the closing two. */
function comparisonCost(
  set: CkksParameters,
  bits: number,
  spare: number,
  switching: (level: number) => number,
): number {
  const { chain, sign } = affordable(set, bits, spare);
  let step = chain.steps - 1;
  let sum = 0;
  for (const stage of sign.stages) {
    const depth = depthOf(degreeOf(stage));
    for (let k = 1; k < depth; k++) sum += switching(levelAt(chain, step - k + 1));
    // 2^(d - 1 - i) products combine at i levels below the lowest: the largest halves are the fewest.
    for (let i = 0; i < depth - 1; i++) sum += 2 ** (depth - 2 - i) * switching(levelAt(chain, step - 1 - i));
    step -= depth;
  }
  return sum + (2 + spare) * switching(levelAt(chain, step));
}
