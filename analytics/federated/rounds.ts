/**
 * Rounds inside one process: who drops out, what homes send, and the sum as it would be opened. The integers, their noise
 * and their lanes are those of the protocol; shares, envelopes and aggregators are left out, as they change none of them.
 */
import { type Backend, localUpdate } from "../../learning/index.ts";
import { FIELD_PRIME } from "../../protocol/field.ts";
import { packLanes, type RoundContent, unpackLanes } from "../../protocol/learning/index.ts";
import type { RandomBits } from "../../protocol/noise/index.ts";
import { homeIntegers, type NoiseSource } from "../../protocol/learning/index.ts";
import type { SimulatedHome } from "./homes.ts";

export interface DropOuts {
  /** Chance of each home to be away in a round. */
  readonly dropOut: number;
  /** Homes hang on so many groups (a street, an operator), and each is away as a whole with this chance. */
  readonly groups: number;
  readonly groupDropOut: number;
}

const UNIFORM_BITS = 53;

/** Uniform from 0 to below 1. */
export function uniform(bits: RandomBits): number {
  return bits.bits(UNIFORM_BITS) / 2 ** UNIFORM_BITS;
}

/** The homes that stay until the end of a round, each taking part with chance `rate`. */
export function present<T>(
  homes: readonly T[],
  rate: number,
  { dropOut, groups, groupDropOut }: DropOuts,
  bits: RandomBits,
): T[] {
  const away = Array.from({ length: groups }, () => uniform(bits) < groupDropOut);
  const stays = homes.map(() => uniform(bits) < rate * (1 - dropOut));
  return homes.filter((_, i) => stays[i] === true && away[i % groups] !== true);
}

export interface SumOptions {
  readonly bits: RandomBits;
  /** One sampler serves all homes: their draws are independent. */
  readonly noise: NoiseSource | undefined;
  readonly backend?: Backend | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The sum over homes, out of the lanes of their added field elements, and how many homes had something to send. */
export async function openSum(
  content: RoundContent,
  homes: readonly Pick<SimulatedHome, "train">[],
  { bits, noise, backend, signal }: SumOptions,
): Promise<{ homes: number; sum: number[] }> {
  if (content.task.type !== "train") throw new RangeError(`task: expected train, got ${content.task.type}`);
  let total: BigUint64Array | undefined;
  let sent = 0;
  for (const home of homes) {
    signal?.throwIfAborted();
    const update = await localUpdate(content.task, home.train, { backend, signal });
    if (update === undefined) continue;
    const elements = packLanes(homeIntegers(content, update, bits, noise), content.vector);
    total = total === undefined ? elements : total.map((value, i) => (value + elements[i]!) % FIELD_PRIME);
    sent += 1;
  }
  const { length } = content.vector;
  return {
    homes: sent,
    sum: total === undefined ? new Array<number>(length).fill(0) : unpackLanes(total, content.vector),
  };
}
