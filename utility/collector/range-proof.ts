/**
 * Judges range proofs: of masked checks it opens whether they are 0, for whole groups of meters at first, and where they
 * are not for ever smaller parts of them, until the meters are found whose readings are no sums of bits.
 */
import { correctable, locateErrors } from "../../protocol/shamir/decode.ts";
import { interpolate, type Point } from "../../protocol/shamir/interpolate.ts";

export type RangeVerdict =
  /** Fewer than 2t - 1 answers. */
  | { readonly kind: "unproved" }
  /** `off` answered wrongly; the others agree. `spare` answers more than needed confirm it. */
  | { readonly kind: "right" | "broken"; readonly off: readonly number[]; readonly spare: number }
  /** More answers are wrong than can be told apart. */
  | { readonly kind: "contradicted" };

/** Answers that a check needs: it is of degree 2t - 2. */
export function neededAnswers(t: number): number {
  return 2 * t - 1;
}

/**
 * Judges one check by the points that aggregators answered. They lie on a polynomial of degree 2t - 2: of a answers
 * a - (2t - 1) wrong ones are detected, half of those located. Throws RangeError as `interpolate`.
 */
export function judgeRange(points: readonly Point[], t: number): RangeVerdict {
  const needed = neededAnswers(t);
  if (points.length < needed) return { kind: "unproved" };
  const off = interpolate(points, needed).disagreeing === 0 ? [] : locateErrors(points, needed);
  if (off === undefined || off.length > correctable(points.length, needed)) return { kind: "contradicted" };
  const honest = points.filter(({ x }) => !off.includes(x));
  const { value, spare } = interpolate(honest, needed);
  return { kind: value === 0n ? "right" : "broken", off, spare };
}

/** Meters of which one check is opened, by their positions. */
export interface Group {
  readonly meters: readonly number[];
}

interface Node extends Group {
  readonly parent: Node | undefined;
  /** Parts that are not judged yet. */
  waiting: number;
  /** Something in it, or about it, is not right. */
  isExplained: boolean;
}

export interface Found {
  /** Whose readings are no sums of bits. */
  readonly offenders: readonly number[];
  /** About whom the answers were too few, or contradicted each other. */
  readonly unproved: readonly number[];
  /** Someone lied who cannot be named. */
  readonly isContradicted: boolean;
  /** Aggregators that answered wrongly, each with the meters of the groups about which it did, rising. */
  readonly off: ReadonlyMap<number, readonly number[]>;
  /** The fewest spare answers of any check; 0 if none was opened. */
  readonly spare: number;
  /** How many checks were opened. */
  readonly opened: number;
}

/**
 * Finds the meters whose checks are not 0. Ask for the checks of all groups of a `level` at once, and `take` the verdicts;
 * when no level is left, `found` stands. With c offenders among m meters of one group at most about 2 c log2(m / c) + 2 c
 * checks are opened, in log2(m) + 1 levels; with none, one.
 */
export class OffenderSearch {
  #level: readonly Node[];
  readonly #offenders = new Set<number>();
  readonly #unproved = new Set<number>();
  readonly #off = new Map<number, Set<number>>();
  #isContradicted = false;
  #opened = 0;
  #spare = Number.POSITIVE_INFINITY;

  /** `groups` are disjoint, each of meters for which the same aggregators answer. */
  constructor(groups: readonly (readonly number[])[]) {
    this.#level = groups.filter((meters) => meters.length > 0).map((meters) => node(meters, undefined));
  }

  /** What is to be asked now; empty when the search is over. */
  get level(): readonly Group[] {
    return this.#level;
  }

  /** One verdict for each group of the level, in its order. */
  take(verdicts: readonly RangeVerdict[]): void {
    const asked = this.#level;
    this.#level = asked.flatMap((group, i) => this.#judge(group, verdicts[i]!));
  }

  #judge(group: Node, verdict: RangeVerdict): Node[] {
    this.#opened++;
    if (verdict.kind === "unproved" || verdict.kind === "contradicted") {
      this.#isContradicted ||= verdict.kind === "contradicted";
      this.#doubt(group);
      return [];
    }
    for (const one of verdict.off) {
      const meters = this.#off.get(one) ?? new Set();
      this.#off.set(one, meters);
      for (const meter of group.meters) meters.add(meter);
    }
    this.#spare = Math.min(this.#spare, verdict.spare);
    if (verdict.kind === "right") {
      this.#settle(group, false);
      return [];
    }
    const [only] = group.meters;
    if (group.meters.length === 1) {
      this.#offenders.add(only!);
      this.#settle(group, true);
      return [];
    }
    const middle = group.meters.length >>> 1;
    group.waiting = 2;
    return [node(group.meters.slice(0, middle), group), node(group.meters.slice(middle), group)];
  }

  #doubt(group: Node): void {
    for (const meter of group.meters) this.#unproved.add(meter);
    this.#settle(group, true);
  }

  #settle({ parent }: Node, isExplained: boolean): void {
    if (parent === undefined) return;
    parent.waiting--;
    parent.isExplained ||= isExplained;
    if (parent.waiting > 0) return;
    if (parent.isExplained) {
      this.#settle(parent, true);
      return;
    }
    // Broken as a whole, and right in all parts.
    this.#isContradicted = true;
    this.#doubt(parent);
  }

  get found(): Found {
    return {
      offenders: rising(this.#offenders),
      unproved: rising(this.#unproved),
      isContradicted: this.#isContradicted,
      off: new Map([...this.#off].map(([one, meters]) => [one, rising(meters)])),
      spare: this.#opened === 0 || this.#spare === Number.POSITIVE_INFINITY ? 0 : this.#spare,
      opened: this.#opened,
    };
  }
}

function node(meters: readonly number[], parent: Node | undefined): Node {
  return { meters, parent, waiting: 0, isExplained: false };
}

function rising(all: Iterable<number>): number[] {
  return [...all].sort((a, b) => a - b);
}
