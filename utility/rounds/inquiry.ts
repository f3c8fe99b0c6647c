/**
 * The first half of a round: what the aggregators hold, which tags decide where they differ, and what the meters are
 * asked to send again. Keeps nothing: after a restart it all is asked anew.
 */
import type { ManifestMessage, Question, RoundRequest, SetContent, Unit } from "../../protocol/messages/round.ts";
import { type Holding, type Provable, sameBytes } from "./agree.ts";
import { type Detection, equivocation } from "./detections.ts";
import {
  type AgreedCells,
  AnswerError,
  agreeAll,
  type DetailRequests,
  holdingsOf,
  lackingCells,
  withTags,
} from "./manifests.ts";
import type { Outstanding } from "./outstanding.ts";
import type { Patience } from "./patience.ts";
import { buildSet, type SetPlan } from "./set-builder.ts";

export interface InquiryOptions {
  readonly round: string;
  readonly question: Question;
  readonly aggregators: readonly number[];
  readonly threshold: number;
  /** Manifests without which no set is fixed. */
  readonly needed: number;
  readonly retrySeconds: number;
  readonly answerSeconds: number;
  readonly now: () => number;
  readonly send: (aggregator: number, request: RoundRequest) => void;
  readonly outstanding: Outstanding;
  readonly patience: Patience;
  /** Of a round of vectors with a bound. */
  readonly provable?: Provable | undefined;
}

/** `short`: too few manifests so far; `pending`: something was asked and is awaited. */
export type InquiryState =
  | { readonly kind: "short"; readonly got: number; readonly needed: number }
  | { readonly kind: "pending" }
  | { readonly kind: "agreed"; readonly agreed: AgreedCells };

/** Units asked for in one detail message: their tags must fit an answer of moderate size. */
const DETAIL_UNITS = 512;
/** A store that grows while it is asked contradicts its own manifest once or twice; more is a fault. */
const MAX_STRIKES = 4;

export class Inquiry {
  readonly #options: InquiryOptions;
  readonly #manifests = new Map<number, Holding[]>();
  readonly #detailWanted = new Map<number, Set<number>>();
  readonly #strikes = new Map<number, number>();
  readonly #signed = new Map<number, { units: readonly Unit[]; signed: Uint8Array }>();
  readonly #equivocations: Detection[] = [];
  #wantedAt: number | undefined;
  #polls = 0;

  constructor(options: InquiryOptions) {
    this.#options = options;
  }

  /**
   * Takes a manifest, and the same as it was signed. Throws AnswerError when it does not fit the question or itself. An
   * aggregator whose manifest excludes an earlier one of it is no longer asked.
   */
  takeManifest(aggregator: number, manifest: Pick<ManifestMessage, "units" | "root">, signed: Uint8Array): void {
    if (this.#isIgnored(aggregator)) return;
    const holdings = holdingsOf(this.#options.question, manifest);
    const earlier = this.#signed.get(aggregator);
    if (earlier !== undefined && exclude(earlier.units, manifest.units)) {
      this.#equivocations.push(equivocation(aggregator, "manifests of one round", [earlier.signed, signed]));
      this.#strikes.set(aggregator, MAX_STRIKES);
      this.forget(aggregator);
      return;
    }
    this.#signed.set(aggregator, { units: manifest.units, signed });
    this.#manifests.set(aggregator, holdings);
    this.#options.outstanding.done(aggregator, "open");
  }

  /** Throws AnswerError for tags that do not belong to the manifest; it is asked anew then. */
  takeTags(aggregator: number, units: readonly (readonly [number, Uint8Array])[]): void {
    const holdings = this.#manifests.get(aggregator);
    const wanted = this.#detailWanted.get(aggregator);
    if (holdings === undefined || wanted === undefined) return;
    const fresh = units.filter(([unit]) => wanted.has(unit));
    try {
      this.#manifests.set(aggregator, withTags(this.#options.question, holdings, { units: fresh }));
    } catch (error) {
      if (error instanceof AnswerError) this.forget(aggregator);
      throw error;
    }
    for (const [unit] of fresh) wanted.delete(unit);
    if (wanted.size > 0) return;
    this.#options.outstanding.done(aggregator, "detail");
    this.#detailWanted.delete(aggregator);
  }

  /** Aggregators that said two things that exclude each other. */
  get detections(): readonly Detection[] {
    return this.#equivocations;
  }

  /** An answer contradicted itself. */
  strike(aggregator: number): void {
    this.#strikes.set(aggregator, (this.#strikes.get(aggregator) ?? 0) + 1);
  }

  /** Its manifest no longer counts: it is asked again, with everything that follows from it. */
  forget(aggregator: number): void {
    this.#manifests.delete(aggregator);
    this.#detailWanted.delete(aggregator);
    this.#options.outstanding.done(aggregator, "detail");
  }

  /** Everything is asked anew, because the set that came of it is dead. */
  clear(): void {
    this.#manifests.clear();
    this.#detailWanted.clear();
  }

  #isIgnored(aggregator: number): boolean {
    return (this.#strikes.get(aggregator) ?? 0) >= MAX_STRIKES;
  }

  /** Asks what is to be asked, and says how far things are. */
  advance(): InquiryState {
    const { aggregators, needed, question, threshold, patience, provable } = this.#options;
    for (const aggregator of aggregators) {
      if (!this.#manifests.has(aggregator) && !this.#isIgnored(aggregator)) this.#askManifest(aggregator);
    }
    if (this.#manifests.size < needed) return { kind: "short", got: this.#manifests.size, needed };
    const answered = (one: number): boolean => this.#manifests.has(one) || this.#isIgnored(one);
    if (!patience.enough(answered)) return { kind: "pending" };
    if (this.#detailWanted.size > 0) {
      if (patience.isOver) this.#dropSilent();
      return { kind: "pending" };
    }
    const result = agreeAll(question, this.#manifests, { aggregators: aggregators.length, threshold, provable });
    if ("detail" in result) {
      this.#askTags(result.detail);
      return { kind: "pending" };
    }
    return this.#awaitsResend(result.agreed) ? { kind: "pending" } : { kind: "agreed", agreed: result.agreed };
  }

  /** The set of a plan, or undefined when its digests need tags that have been asked for now. */
  build(agreed: AgreedCells, plan: SetPlan): { content: SetContent; empty: boolean } | undefined {
    const built = buildSet(this.#options.question, agreed, this.#manifests, plan);
    if (!("detail" in built)) return built;
    this.#askTags(built.detail);
    return undefined;
  }

  #askManifest(aggregator: number): void {
    const { round, question, outstanding } = this.#options;
    outstanding.add(aggregator, "open", { type: "open", round, ...question });
  }

  #askTags(detail: DetailRequests): void {
    const { round, outstanding, patience } = this.#options;
    patience.restart();
    for (const [aggregator, units] of detail) {
      this.#detailWanted.set(aggregator, new Set(units));
      for (let from = 0; from < units.length; from += DETAIL_UNITS) {
        const part = units.slice(from, from + DETAIL_UNITS);
        outstanding.add(aggregator, "detail", { type: "detail", round, units: part }, from > 0);
      }
    }
  }

  /** An aggregator that gave a manifest but not its tags is left out after a while. */
  #dropSilent(): void {
    for (const aggregator of [...this.#detailWanted.keys()]) this.forget(aggregator);
    this.#options.patience.restart();
  }

  /**
   * Has the aggregators ask the meters for what they lack. Waits only where that may add cells: a spare answer more is
   * welcome, but not worth a wait.
   */
  #awaitsResend(agreed: AgreedCells): boolean {
    const { aggregators, question, round, retrySeconds, answerSeconds, now, send, outstanding, patience } =
      this.#options;
    // A home repeats its update until it is acknowledged or the round has closed, which it has.
    if (question.purpose === "vector") return false;
    const { wants, notAgreed } = lackingCells(this.#manifests, agreed.cells);
    const time = now();
    if (this.#wantedAt === undefined) {
      this.#wantedAt = time;
      for (const [aggregator, units] of wants) send(aggregator, { type: "want", round, units: units as never });
    }
    if (notAgreed === 0 || time - this.#wantedAt >= answerSeconds) return false;
    if (time >= this.#wantedAt + retrySeconds * (2 ** (this.#polls + 1) - 1)) {
      this.#polls += 1;
      this.clear();
      outstanding.clear();
      patience.restart();
      for (const aggregator of aggregators) this.#askManifest(aggregator);
    }
    return true;
  }
}

/** Whether two manifests name the same cells of a unit with other contents. A store may grow; its cells never change. */
function exclude(earlier: readonly Unit[], later: readonly Unit[]): boolean {
  return earlier.some(([bitmap, digest], unit) => {
    const other = later[unit];
    return other !== undefined && sameBytes(bitmap, other[0]) && !sameBytes(digest, other[1]);
  });
}
