/** Lagrange interpolation at 0 in its plainest form, to judge sums in tests without the utility's code. */
export function interpolateAtZero(shares: ReadonlyMap<number, bigint>, prime: bigint): bigint {
  const mod = (value: bigint): bigint => ((value % prime) + prime) % prime;
  const inverse = (value: bigint): bigint => {
    let [r, s, old, next] = [prime, mod(value), 0n, 1n];
    while (s > 0n) {
      const quotient = r / s;
      [r, s] = [s, r - quotient * s];
      [old, next] = [next, old - quotient * next];
    }
    return mod(old);
  };
  let sum = 0n;
  for (const [x, y] of shares) {
    let term = y;
    for (const other of shares.keys()) {
      if (other !== x) term = mod(term * BigInt(other) * inverse(BigInt(other - x)));
    }
    sum = mod(sum + term);
  }
  return sum;
}
