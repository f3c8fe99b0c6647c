/**
 * What came of a learning round, as the utility publishes it for anyone (`wv/1/pub/learn/result`): the opened sum of the
 * homes' integers, or why there is none. A long sum comes in parts, each a message of its own.
 */
import { z } from "zod";
import { roundId } from "../names.ts";

/** Coordinates of one part: as int64 in base64 they fit the topic. */
const PART = 16_384;
const HASH = /^[0-9a-f]{64}$/;

const head = {
  v: z.literal(1),
  round: z.string().regex(/^[0-9a-f]{32}$/, "the id of a learning round is 32 hex digits"),
  campaign: roundId,
  step: z.int().min(0),
  /** Unix seconds. */
  settledAt: z.int().min(0),
};

const opened = z.strictObject({
  ...head,
  status: z.literal("final"),
  /** Homes in the sum. */
  meters: z.int().min(1),
  /** SHA-256, hex: the set that q aggregators have endorsed. */
  setId: z.string().regex(HASH, "a set id is 64 hex digits"),
  /** Answers beyond those that an interpolation needs. */
  spareAnswers: z.int().min(0),
  /** Of a round with a bound. */
  bound: z
    .strictObject({
      /** Homes in the sum that are proved to be within it. */
      proved: z.int().min(0),
      /** Those of which it could not be proved: too few aggregators have answered, or they contradict each other. */
      unproved: z.int().min(0),
      /** Homes that were left out because they were found to be beyond it. */
      leftOut: z.int().min(0),
    })
    .optional(),
  /** Coordinates of the whole vector. */
  length: z.int().min(1),
  part: z.int().min(0),
  parts: z.int().min(1),
  /** Of each coordinate, little endian. */
  encoding: z.enum(["int32", "int64"]),
  sum: z.base64(),
});

/** A code of why nothing was opened: `too-few-meters`, `implausible-total`, ... */
const closed = z.strictObject({
  ...head,
  status: z.string().regex(/^(?!final$)[a-z][a-z0-9-]{0,63}$/, "a code"),
  reason: z.string().max(1_000),
});

export const learnResult = z.union([opened, closed]);
export type LearnResult = z.infer<typeof learnResult>;
export type OpenedPart = z.infer<typeof opened>;

type Facts = Omit<OpenedPart, "v" | "status" | "length" | "part" | "parts" | "encoding" | "sum">;

/** The messages of an opened sum; coordinates are safe integers. */
export function resultParts(facts: Facts, coordinates: readonly number[]): OpenedPart[] {
  const isNarrow = coordinates.every((value) => value === (value | 0));
  const parts = Math.ceil(coordinates.length / PART);
  return Array.from({ length: parts }, (_, part): OpenedPart => {
    const some = coordinates.slice(part * PART, (part + 1) * PART);
    const bytes = isNarrow ? int32(some) : int64(some);
    const encoding = isNarrow ? "int32" : "int64";
    const sum = Buffer.from(bytes).toString("base64");
    return { v: 1, ...facts, status: "final", length: coordinates.length, part, parts, encoding, sum };
  });
}

/** The coordinates of a sum from all its parts, in any order. Throws RangeError where one is missing or does not fit. */
export function sumOfParts(parts: readonly OpenedPart[]): number[] {
  const inOrder = [...parts].sort((a, b) => a.part - b.part);
  const [first] = inOrder;
  if (inOrder.length !== first?.parts || inOrder.some(({ part }, i) => part !== i)) {
    throw new RangeError(`parts: expected each of ${first?.parts ?? "1 or more"} once, got ${inOrder.length}`);
  }
  const isOne = inOrder.every((one) => one.round === first.round && one.setId === first.setId);
  const coordinates = inOrder.flatMap(({ encoding, sum }) => coordinatesOf(encoding, Buffer.from(sum, "base64")));
  if (!isOne || coordinates.length !== first.length) {
    throw new RangeError(`parts: expected ${first.length} coordinates of one sum, got ${coordinates.length}`);
  }
  return coordinates;
}

/** Signed 64-bit integers, little endian. */
export function int64(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(8 * values.length);
  for (const [i, value] of values.entries()) bytes.writeBigInt64LE(BigInt(value), 8 * i);
  return bytes;
}

function int32(values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt32LE(value, 4 * i);
  return bytes;
}

/** The integers of `int64`, or of the same in four bytes each. Throws RangeError for a broken length. */
export function coordinatesOf(encoding: "int32" | "int64", bytes: Uint8Array): number[] {
  const size = encoding === "int32" ? 4 : 8;
  if (bytes.length % size !== 0) throw new RangeError(`bytes: expected a multiple of ${size}, got ${bytes.length}`);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / size }, (_, i) =>
    size === 4 ? view.readInt32LE(4 * i) : Number(view.readBigInt64LE(8 * i)),
  );
}
