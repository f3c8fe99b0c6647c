/**
 * Fixes the content of a set: the cells that were chosen, each unit with the digest that its holders can check.
 * Pure. Where cells were left out of a unit, its digest is computed from a holder's tags, which may have to be asked.
 */
import { createHash } from "node:crypto";
import { isEmptyBitmap } from "../../protocol/bitmap.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import type { Question, Scheme, SetContent } from "../../protocol/messages/round.ts";
import { type Holding, sameBytes } from "./agree.ts";
import { unitDigest } from "./digest.ts";
import type { AgreedCells, DetailRequests } from "./manifests.ts";
import type { HeldCells } from "./record.ts";

const NONE = new Uint8Array(0);

export interface SetPlan {
  readonly schemes: readonly Scheme[];
  readonly assignment: readonly number[];
  /** For each unit the cells that enter the set: a subset of the agreed ones. */
  readonly cells: readonly Uint8Array[];
  readonly held: readonly HeldCells[];
  /** Of a vector with a bound: the bits of a coordinate. */
  readonly bits?: readonly number[] | undefined;
}

/** The set, or the tags that are still needed for its digests. `empty` when no unit has a cell. */
export function buildSet(
  question: Question,
  agreed: AgreedCells,
  manifests: ReadonlyMap<number, readonly Holding[]>,
  plan: SetPlan,
): { content: SetContent; empty: boolean } | { detail: DetailRequests } {
  const detail = new Map<number, number[]>();
  let empty = true;
  const units = plan.cells.map((cells, unit): [Uint8Array, Uint8Array] => {
    if (isEmptyBitmap(cells)) return [NONE, NONE];
    empty = false;
    const holders = agreed.holders[unit] ?? [];
    for (const aggregator of holders) {
      const holding = manifests.get(aggregator)?.[unit];
      if (holding !== undefined && sameBytes(holding.bitmap, cells)) return [cells, holding.digest];
    }
    for (const aggregator of holders) {
      const holding = manifests.get(aggregator)?.[unit];
      if (holding?.tags === undefined) continue;
      return [cells, unitDigest(question, unit, cells, holding.bitmap, holding.tags)];
    }
    const [asked] = holders;
    if (asked !== undefined) detail.set(asked, [...(detail.get(asked) ?? []), unit]);
    return [cells, NONE];
  });
  if (detail.size > 0) return { detail };
  const content: SetContent = {
    purpose: question.purpose,
    feeder: question.feeder,
    meters: question.meters,
    segments: question.segments,
    kinds: question.kinds,
    schemes: [...plan.schemes],
    assignment: [...plan.assignment],
    units,
  };
  return { content, empty };
}

/** The bytes of a set and its id. */
export function encodeSet(content: SetContent): { bytes: Uint8Array; setId: Uint8Array } {
  const bytes = encodeCbor(content);
  return { bytes, setId: new Uint8Array(createHash("sha256").update(bytes).digest()) };
}
