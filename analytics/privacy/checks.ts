/** What every accountant asks of its arguments; each throws RangeError naming argument, range and value. */

export function assertAbove(name: string, value: number, least: number): void {
  if (value > least && Number.isFinite(value)) return;
  throw new RangeError(`${name}: expected a number above ${least}, got ${value}`);
}

export function assertRate(rate: number): void {
  if (!(rate >= 0 && rate <= 1)) throw new RangeError(`rate: expected a number from 0 to 1, got ${rate}`);
}

export function assertDelta(delta: number): void {
  if (!(delta > 0 && delta < 1)) throw new RangeError(`delta: expected a number between 0 and 1, got ${delta}`);
}

export function assertRounds(rounds: number): void {
  if (!(Number.isSafeInteger(rounds) && rounds >= 0)) {
    throw new RangeError(`rounds: expected an integer from 0 on, got ${rounds}`);
  }
}
