/**
 * What the aggregators say they hold, checked and merged. Pure: answers in, holdings out. An aggregator that
 * contradicts itself (root, digests, tags) is told apart from one whose store has grown since: both must answer anew.
 */
import { assertBitmap, countMembers, isEmptyBitmap } from "../../protocol/bitmap.ts";
import { merkleRoot } from "../../protocol/log/merkle.ts";
import type { ManifestMessage, Question } from "../../protocol/messages/round.ts";
import { type Agreement, agreeGroup, type Holding, leastHolders, type Provable, sameBytes } from "./agree.ts";
import { TAG_BYTES, unitDigest } from "./digest.ts";
import { unitCount, unitGroups, unitSize } from "./shape.ts";

/** Why an answer was not used. */
export class AnswerError extends Error {
  readonly code: "malformed-manifest" | "stale-tags" | "wrong-seed";

  constructor(code: AnswerError["code"], message: string) {
    super(message);
    this.name = "AnswerError";
    this.code = code;
  }
}

const NONE = new Uint8Array(0);

/** One aggregator's holdings, every bitmap at its full length. Throws AnswerError `malformed-manifest`. */
export function holdingsOf(question: Question, manifest: Pick<ManifestMessage, "units" | "root">): Holding[] {
  const expected = unitCount(question);
  if (manifest.units.length !== expected) {
    throw new AnswerError("malformed-manifest", `expected ${expected} units, got ${manifest.units.length}`);
  }
  if (!sameBytes(merkleRoot(manifest.units.map(([, digest]) => digest)), manifest.root)) {
    throw new AnswerError("malformed-manifest", "the root does not belong to the digests");
  }
  const empty = new Map<number, Uint8Array>();
  return manifest.units.map(([bitmap, digest], unit): Holding => {
    const size = unitSize(question, unit);
    if (bitmap.length === 0) {
      if (digest.length !== 0) throw new AnswerError("malformed-manifest", `unit ${unit} has a digest of nothing`);
      const zeros = empty.get(size) ?? new Uint8Array(Math.ceil(size / 8));
      empty.set(size, zeros);
      return { bitmap: zeros, digest: NONE };
    }
    try {
      assertBitmap(`unit ${unit}`, bitmap, size);
    } catch (error) {
      throw new AnswerError("malformed-manifest", error instanceof Error ? error.message : `unit ${unit}`);
    }
    if ((digest.length === 0) !== isEmptyBitmap(bitmap)) {
      throw new AnswerError("malformed-manifest", `unit ${unit} has cells without a digest, or the reverse`);
    }
    return { bitmap, digest };
  });
}

/**
 * Adds the tags of some units to an aggregator's holdings. Throws AnswerError `stale-tags` where they do not belong to
 * the manifest: it has received more since, so its manifest must be asked again.
 */
export function withTags(
  question: Question,
  holdings: readonly Holding[],
  message: { readonly units: readonly (readonly [number, Uint8Array])[] },
): Holding[] {
  const merged = [...holdings];
  for (const [unit, tags] of message.units) {
    const holding = merged[unit];
    if (holding === undefined) throw new AnswerError("stale-tags", `there is no unit ${unit}`);
    const count = countMembers(holding.bitmap);
    if (
      tags.length !== count * TAG_BYTES ||
      !sameBytes(unitDigest(question, unit, holding.bitmap, holding.bitmap, tags), holding.digest)
    ) {
      throw new AnswerError("stale-tags", `the tags of unit ${unit} do not belong to its digest`);
    }
    merged[unit] = { ...holding, tags };
  }
  return merged;
}

/** Aggregator to unit indices: whose tags of which units decide. */
export type DetailRequests = ReadonlyMap<number, readonly number[]>;

export interface AgreedCells {
  readonly cells: readonly Uint8Array[];
  /** For each unit the aggregators known to hold all its agreed cells alike. */
  readonly holders: readonly (readonly number[])[];
}

/** The agreed cells of all units, or whose tags are needed to tell. */
export function agreeAll(
  question: Question,
  manifests: ReadonlyMap<number, readonly Holding[]>,
  system: { readonly aggregators: number; readonly threshold: number; readonly provable?: Provable | undefined },
): { agreed: AgreedCells } | { detail: DetailRequests } {
  const { provable, ...rest } = system;
  if (provable === undefined || manifests.size < provable.holders) return agreeWith(question, manifests, rest, 0);
  const proved = agreeWith(question, manifests, rest, provable.holders);
  const count = "agreed" in proved ? proved.agreed.cells.reduce((sum, one) => sum + countMembers(one), 0) : undefined;
  return count === undefined || count >= provable.cells ? proved : agreeWith(question, manifests, rest, 0);
}

/** `fewest`: how many must hold a cell at least, besides what `leastHolders` says. */
function agreeWith(
  question: Question,
  manifests: ReadonlyMap<number, readonly Holding[]>,
  system: { readonly aggregators: number; readonly threshold: number },
  fewest: number,
): { agreed: AgreedCells } | { detail: DetailRequests } {
  const cells: Uint8Array[] = [];
  const holders: (readonly number[])[] = [];
  const detail = new Map<number, number[]>();
  const counts = (): number[] =>
    [...manifests.values()].map((holdings) => holdings.reduce((sum, { bitmap }) => sum + countMembers(bitmap), 0));
  let least: number | undefined;
  for (const group of unitGroups(question)) {
    const held = new Map<number, Holding[]>();
    for (const [aggregator, holdings] of manifests) {
      held.set(
        aggregator,
        group.map((unit) => holdings[unit]).filter((unit) => unit !== undefined),
      );
    }
    const agreement: Agreement = agreeGroup(
      held,
      system.threshold,
      () => (least ??= Math.max(fewest, leastHolders(counts(), system))),
    );
    if (agreement.kind === "detail") {
      for (const { aggregator, position } of agreement.wanted) {
        const units = detail.get(aggregator) ?? [];
        units.push(group[position] ?? 0);
        detail.set(aggregator, units);
      }
      continue;
    }
    group.forEach((unit, position) => {
      cells[unit] = agreement.group.cells[position] ?? NONE;
      holders[unit] = agreement.group.holders;
    });
  }
  return detail.size > 0 ? { detail } : { agreed: { cells, holders } };
}

export interface Lacking {
  /** Aggregator to [unit, cells that others hold and it does not]. */
  readonly wants: ReadonlyMap<number, readonly [number, Uint8Array][]>;
  /** How many cells some hold, others lack, and are not agreed: what waiting for a resend may win. */
  readonly notAgreed: number;
}

/** What each aggregator lacks that another one holds. */
export function lackingCells(
  manifests: ReadonlyMap<number, readonly Holding[]>,
  agreed: readonly Uint8Array[],
): Lacking {
  const wants = new Map<number, [number, Uint8Array][]>();
  let notAgreed = 0;
  agreed.forEach((cells, unit) => {
    const held = [...manifests].map(([aggregator, holdings]) => ({
      aggregator,
      bitmap: holdings[unit]?.bitmap ?? NONE,
    }));
    const first = held[0]?.bitmap;
    if (first === undefined || held.every(({ bitmap }) => sameBytes(bitmap, first))) return;
    const union = Uint8Array.from(first);
    const common = Uint8Array.from(first);
    for (const { bitmap } of held) {
      for (let i = 0; i < union.length; i++) {
        union[i] = (union[i] ?? 0) | (bitmap[i] ?? 0);
        common[i] = (common[i] ?? 0) & (bitmap[i] ?? 0);
      }
    }
    for (const { aggregator, bitmap } of held) {
      const lacking = union.map((byte, i) => byte & ~(bitmap[i] ?? 0));
      if (countMembers(lacking) === 0) continue;
      const list = wants.get(aggregator) ?? [];
      list.push([unit, lacking]);
      wants.set(aggregator, list);
    }
    // What all hold and still do not agree on is a conflict: no resend can mend it.
    notAgreed += countMembers(union.map((byte, i) => byte & ~(cells[i] ?? 0) & ~(common[i] ?? 0)));
  });
  return { wants, notAgreed };
}
