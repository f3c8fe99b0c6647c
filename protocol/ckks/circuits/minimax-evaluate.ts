/**
 * Odd polynomials on ciphertexts, in the least number of levels: by Chebyshev polynomials T_2, T_4, T_8, ... (doubled
 * by T_2n = 2 T_n^2 - 1) and splits p = T_m q + r into halves (Paterson and Stockmeyer's idea in Chebyshev's basis,
 * whose coefficients stay small). Scales are exact by construction: who wants a result names its step and scale, and
 * the constants are encoded at what is missing to that.
 */
import type { CkksEngine } from "../seal/engine.ts";
import type { Ciphertext, Plaintext } from "../seal/objects.ts";
import type { OddPolynomial } from "./minimax.ts";
import { levelAt, settledLevel } from "./minimax-chain.ts";
import type { Chain } from "./minimax-chain.ts";

export class StepEngine {
  readonly engine: CkksEngine;
  readonly chain: Chain;

  constructor(engine: CkksEngine, chain: Chain) {
    this.engine = engine;
    this.chain = chain;
  }

  /** What a rescaling from `step` divides by. */
  divisor(step: number): number {
    const { engine, chain } = this;
    return engine.primes
      .slice(levelAt(chain, step - 1), levelAt(chain, step))
      .reduce((all, one) => all * Number(one), 1);
  }

  /** A plaintext with the same value everywhere, exact: the constant polynomial, not an encoding of many slots. */
  constant(value: number, scale: number, level: number): Plaintext {
    const { engine } = this;
    const whole = BigInt(Math.round(value * scale));
    const poly = new BigUint64Array(level * engine.degree);
    for (let index = 0; index < level; index++) {
      const prime = engine.primes[index]!;
      poly.fill(((whole % prime) + prime) % prime, index * engine.degree, (index + 1) * engine.degree);
    }
    return engine.loadPlaintext({ poly, level, scale });
  }

  /** Divides by the primes of `step` and lands at the step below. */
  rescale(input: Ciphertext): Ciphertext {
    let out = input;
    for (let count = 0; count < this.chain.primesPerStep; count++) out = this.engine.rescale(out);
    return out;
  }

  /** At a lower step, with the same scale. */
  at(input: Ciphertext, step: number): Ciphertext {
    const level = levelAt(this.chain, step);
    return input.level === level ? input : this.engine.modSwitchTo(input, level);
  }

  /** An output without the primes that it has too many of. */
  settled(input: Ciphertext, unit: number): Ciphertext {
    const { engine, chain } = this;
    const kept = settledLevel(engine.parameters, chain, input.level, input.scale, unit);
    let out = input;
    while (out.level > kept) out = engine.rescale(out);
    return out;
  }

  /** input * value at `step`, before rescaling, at exactly this scale. */
  scaled(input: Ciphertext, value: number, step: number, scale: number): Ciphertext {
    const lowered = this.at(input, step);
    const out = this.engine.multiplyPlain(lowered, this.constant(value, scale / lowered.scale, lowered.level));
    out.object.setScale(scale);
    return out;
  }
}

/** Coefficients too small to be seen in a result are left out: encoded they would be zero. */
const NEGLIGIBLE = 2 ** -40;

/** The value of `polynomial`, of degree 3, 7, 15, ..., at the slots of `x` at `step`; it ends log2(degree + 1) lower. */
export function evaluateOddAt(on: StepEngine, polynomial: OddPolynomial, x: Ciphertext, step: number): Ciphertext {
  const { engine, chain } = on;
  const depth = Math.log2(2 * polynomial.length);
  if (!Number.isInteger(depth) || depth < 2) {
    throw new RangeError(`polynomial: expected degree 3, 7, 15 or 31, got ${2 * polynomial.length - 1}`);
  }
  if (step < depth) throw new RangeError(`step: expected at least ${depth} for this degree, got ${step}`);
  return engine.scope((scope) => {
    const powers: Ciphertext[] = [x]; // T_1, T_2, T_4, ...
    for (let k = 1; k < depth; k++) powers.push(doubled(on, powers[k - 1]!));
    return scope.keep(combined(on, powers, polynomial, step - depth, 2 ** chain.scaleBits));
  });
}

/** T_2n = 2 T_n^2 - 1. */
function doubled(on: StepEngine, t: Ciphertext): Ciphertext {
  const { engine } = on;
  return engine.scope((scope) => {
    const square = engine.multiply(t, t);
    const twice = on.rescale(engine.add(square, square));
    return scope.keep(engine.addPlain(twice, on.constant(-1, twice.scale, twice.level)));
  });
}

/**
 * The sum of b_k T_k over odd k, at the step and scale that are asked for. With m half the number of terms doubled,
 * T_m T_k = (T_(m+k) + T_(m-k)) / 2, so q_k = 2 b_(m+k) and r_(m-k) = b_(m-k) - b_(m+k).
 */
function combined(
  on: StepEngine,
  powers: readonly Ciphertext[],
  b: OddPolynomial,
  step: number,
  scale: number,
): Ciphertext {
  const { engine } = on;
  const before = scale * on.divisor(step + 1); // at step + 1
  return engine.scope((scope) => {
    const half = b.length / 2;
    const upper = b.slice(half);
    const top = on.at(powers[Math.log2(b.length)]!, step + 1);
    const q = upper.map((one) => 2 * one);
    const r = b.slice(0, half).map((one, at) => one - upper[half - 1 - at]!);
    let sum: Ciphertext;
    if (half === 1) {
      const left = on.rescale(on.scaled(powers[0]!, q[0]!, step + 2, (before / top.scale) * on.divisor(step + 2)));
      sum = engine.multiply(left, top);
      if (Math.abs(r[0]!) > NEGLIGIBLE) sum = added(on, sum, on.scaled(powers[0]!, r[0]!, step + 1, before));
    } else {
      const product = engine.multiply(combined(on, powers, q, step + 1, before / top.scale), top);
      sum = added(on, product, combined(on, powers, r, step + 1, before));
    }
    const out = on.rescale(sum);
    out.object.setScale(scale);
    return scope.keep(out);
  });
}

function added(on: StepEngine, a: Ciphertext, b: Ciphertext): Ciphertext {
  a.object.setScale(b.scale); // equal but for the last digits of doubles
  return on.engine.add(a, b);
}
