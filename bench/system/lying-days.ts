/** On which days the benchmark's liar lies: agreed between benchmark and process by nothing but a round's name. */

const DAY_SLOTS = 96;

/** Local days begin within a few slots of those of UTC. */
export function isLyingDay(firstSlot: number): boolean {
  return Math.round(firstSlot / DAY_SLOTS) % 2 === 0;
}

/** A round's name is `<purpose>-<feeder>-<first slot>-<serial>`. */
export function isLyingRound(round: string): boolean {
  return isLyingDay(Number(round.split("-").at(-2)));
}
