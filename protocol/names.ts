/** Names of parties and things as they may appear in topics, certificates and messages, as zod schemas. */
import { z } from "zod";

const RESERVED = /^(?:utility|analytics|api|authority|simulator|broker|public|a-\d+)$/;

/** Largest number of aggregators: shares are f(1) to f(7), so small devices need no wide multiplication. */
export const MAX_AGGREGATORS = 7;

export const meterId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "a meter id is 1 to 32 of a-z, 0-9 and '-', not starting with '-'")
  .refine((id) => !RESERVED.test(id), "this id is reserved for a server");

export const feederId = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "a feeder id is 1 to 32 of a-z, 0-9 and '-', not starting with '-'");

export const roundId = z.string().regex(/^[a-z0-9-]{1,64}$/, "a round id is 1 to 64 of a-z, 0-9 and '-'");

export const jobId = z.string().regex(/^[a-z0-9-]{1,64}$/, "a job id is 1 to 64 of a-z, 0-9 and '-'");

/** What a meter encrypts as one series of windows: `load`, `load-squares`. */
export const seriesName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, "a series is 1 to 32 of a-z, 0-9 and '-', beginning with a letter");

/** An aggregator's index: the x of its shares. */
export const aggregatorIndex = z.int().min(1).max(MAX_AGGREGATORS);

/** The identity (certificate CN, signature kid) of the aggregator with an index. */
export function aggregatorId(index: number): string {
  return `a-${index}`;
}

/** The index in an aggregator's identity, or undefined for any other identity. */
export function indexOfAggregator(id: string): number | undefined {
  const index = /^a-([1-7])$/.exec(id)?.[1];
  return index === undefined ? undefined : Number(index);
}

/** What is added to the client id of one of several workers of an aggregator; no id of a party ends so. */
export function workerSuffix(worker: number): string {
  return `.w${worker}`;
}
