/**
 * The agreed cells: those that the same t or more aggregators hold with one and the same tag. Of all such groups of
 * aggregators the one with most cells is taken, then the larger one; nobody's absence and nobody's lie is a veto. But a
 * meter that sends to few must not choose who answers: `leastHolders`.
 * Pure: bitmaps, digests and tags in, bitmaps out, or the tags that are still needed to tell.
 */
import { countMembers, members } from "../../protocol/bitmap.ts";
import { TAG_BYTES } from "./digest.ts";

/** What one aggregator holds of one unit. `bitmap` has its full length, also without cells. */
export interface Holding {
  readonly bitmap: Uint8Array;
  readonly digest: Uint8Array;
  /** 8 bytes per set bit; known only where the utility asked for them. */
  readonly tags?: Uint8Array | undefined;
}

/**
 * What is to be proved wherever it can be: cells that fewer than `holders` hold alike are left out while at least `cells`
 * remain, for whoever could be proved no other way chooses to be unproved.
 */
export interface Provable {
  readonly holders: number;
  readonly cells: number;
}

/** What an aggregator holds of the units of a group, in the order of the group. */
export type GroupHolding = ReadonlyMap<number, readonly Holding[]>;

export interface AgreedGroup {
  /** The agreed cells of each unit of the group. */
  readonly cells: readonly Uint8Array[];
  /** Aggregators that hold all of them with the same tags, as far as is known, in rising order. */
  readonly holders: readonly number[];
}

/** `detail`: the tags of these units (positions in the group) of these aggregators decide. */
export type Agreement =
  | { readonly kind: "agreed"; readonly group: AgreedGroup }
  | { readonly kind: "detail"; readonly wanted: readonly { aggregator: number; position: number }[] };

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || Buffer.compare(a, b) === 0;
}

/** The subsets of at least `t` of `all`, as index bit masks. At most 127: there are at most seven aggregators. */
function subsets(all: number, t: number): number[] {
  const found: number[] = [];
  for (let mask = 1; mask < 1 << all; mask++) {
    let ones = 0;
    for (let rest = mask; rest > 0; rest &= rest - 1) ones++;
    if (ones >= t) found.push(mask);
  }
  return found;
}

/**
 * The fewest aggregators that must hold cells alike: as many as hold most of what there is, less those that can lie (one
 * at least), and never fewer than t. So no meter, by what it withholds, takes away the answers that would find a wrong
 * one. With n = 3, t = 2 this is t: there one more would be a veto. `counts`: cells that each aggregator says it holds.
 */
export function leastHolders(
  counts: readonly number[],
  { aggregators: n, threshold: t }: { readonly aggregators: number; readonly threshold: number },
): number {
  const liars = Math.max(1, Math.floor((n - t) / 2));
  // What liars claim beyond all others must not make those look empty.
  const most = [...counts].sort((one, other) => other - one)[liars] ?? 0;
  const present = counts.filter((count) => count > 0 && 2 * count >= most).length;
  return Math.max(t, present - liars);
}

/**
 * The agreed cells of one group of units. With fewer than t aggregators nothing is agreed: empty cells, no holders.
 * `least` says how many must hold them, where they do not all hold the same; t by default.
 */
export function agreeGroup(holdings: GroupHolding, t: number, least = (): number => t): Agreement {
  const aggregators = [...holdings.keys()].sort((a, b) => a - b);
  const rows = aggregators.map((aggregator) => holdings.get(aggregator) ?? []);
  const first = rows[0];
  if (first === undefined || aggregators.length < t) {
    return {
      kind: "agreed",
      group: { cells: first?.map((unit) => new Uint8Array(unit.bitmap.length)) ?? [], holders: [] },
    };
  }
  if (rows.every((row) => row.every((unit, u) => sameHolding(unit, first[u])))) {
    return { kind: "agreed", group: { cells: first.map((unit) => unit.bitmap), holders: aggregators } };
  }
  return chooseSubset(aggregators, rows, least());
}

function sameHolding(a: Holding, b: Holding | undefined): boolean {
  return b !== undefined && sameBytes(a.digest, b.digest) && sameBytes(a.bitmap, b.bitmap);
}

interface Candidate {
  readonly mask: number;
  readonly cells: readonly Uint8Array[];
  readonly count: number;
  readonly exact: boolean;
}

function chooseSubset(aggregators: readonly number[], rows: readonly (readonly Holding[])[], t: number): Agreement {
  const candidates = subsets(aggregators.length, t).map((mask) => candidateOf(mask, rows));
  let best: Candidate | undefined;
  for (const candidate of candidates) {
    if (candidate.exact && (best === undefined || better(candidate, best))) best = candidate;
  }
  // An inexact candidate counts cells by bitmaps alone, so its count is an upper bound: tags can only lower it.
  const open = candidates.filter((candidate) => !candidate.exact && candidate.count > (best?.count ?? -1));
  if (open.length > 0 || best === undefined) return { kind: "detail", wanted: missingTags(open, aggregators, rows) };
  const holders = aggregators.filter((_, i) => (best.mask & (1 << i)) !== 0);
  return { kind: "agreed", group: { cells: best.cells, holders } };
}

function ones(mask: number): number {
  let count = 0;
  for (let rest = mask; rest > 0; rest &= rest - 1) count++;
  return count;
}

function better(a: Candidate, b: Candidate): boolean {
  return a.count > b.count || (a.count === b.count && ones(a.mask) > ones(b.mask));
}

function membersOf(mask: number, rows: readonly (readonly Holding[])[]): (readonly Holding[])[] {
  return rows.filter((_, i) => (mask & (1 << i)) !== 0);
}

function candidateOf(mask: number, rows: readonly (readonly Holding[])[]): Candidate {
  const chosen = membersOf(mask, rows);
  const head = chosen[0] ?? [];
  let exact = true;
  let count = 0;
  const cells = head.map((_, u) => {
    const units = chosen.map((row) => row[u]).filter((unit) => unit !== undefined);
    const common = commonCells(units);
    if (common.exact || countMembers(common.cells) === 0) {
      count += countMembers(common.cells);
    } else {
      exact = false;
      count += countMembers(common.cells);
    }
    return common.cells;
  });
  return { mask, cells, count, exact };
}

/** Cells that all of these hold alike; without their tags the cells that all hold, which may be too many. */
function commonCells(units: readonly Holding[]): { cells: Uint8Array; exact: boolean } {
  const head = units[0];
  if (head === undefined) return { cells: new Uint8Array(0), exact: true };
  if (units.every((unit) => sameHolding(unit, head))) return { cells: head.bitmap, exact: true };
  const cells = Uint8Array.from(head.bitmap);
  for (const unit of units) for (let i = 0; i < cells.length; i++) cells[i] = (cells[i] ?? 0) & (unit.bitmap[i] ?? 0);
  if (units.some((unit) => unit.tags === undefined)) return { cells, exact: false };
  const tagsOfHead = tagIndex(head);
  for (const unit of units) if (unit !== head) dropDiffering(cells, tagsOfHead, unit);
  return { cells, exact: true };
}

/** Offset of each member's tag. */
function tagIndex(unit: Holding): Map<number, bigint> {
  const tags = new Map<number, bigint>();
  const view = tagView(unit);
  let at = 0;
  for (const member of members(unit.bitmap)) {
    tags.set(member, view.getBigUint64(at));
    at += TAG_BYTES;
  }
  return tags;
}

function dropDiffering(cells: Uint8Array, expected: ReadonlyMap<number, bigint>, unit: Holding): void {
  const view = tagView(unit);
  let at = 0;
  for (const member of members(unit.bitmap)) {
    if (expected.get(member) !== view.getBigUint64(at)) {
      cells[member >>> 3] = (cells[member >>> 3] ?? 0) & ~(1 << (member & 7));
    }
    at += TAG_BYTES;
  }
}

function tagView(unit: Holding): DataView {
  const tags = unit.tags ?? new Uint8Array(0);
  return new DataView(tags.buffer, tags.byteOffset, tags.byteLength);
}

function missingTags(
  open: readonly Candidate[],
  aggregators: readonly number[],
  rows: readonly (readonly Holding[])[],
): { aggregator: number; position: number }[] {
  const wanted: { aggregator: number; position: number }[] = [];
  const union = open.reduce((mask, candidate) => mask | candidate.mask, 0);
  rows.forEach((row, i) => {
    if ((union & (1 << i)) === 0) return;
    row.forEach((unit, position) => {
      const differs = rows.some((other, j) => (union & (1 << j)) !== 0 && !sameHolding(unit, other[position]));
      // No cells, no tags: an empty unit needs no answer to be known.
      if (differs && unit.tags === undefined && countMembers(unit.bitmap) > 0) {
        wanted.push({ aggregator: aggregators[i] ?? 0, position });
      }
    });
  });
  return wanted;
}
