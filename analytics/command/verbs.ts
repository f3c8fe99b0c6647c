/**
 * Statistics that people ask for by name (max, min, median, quantile, histogram, compare), as the circuit that gives them
 * on the series at hand: one-hot buckets are added up at depth zero, other series are compared under `strong`.
 */
import type { SeriesShape } from "../../config/ckks-series.ts";
import { UsageError } from "../../config/runtime/role-command.ts";

export const VERBS = ["max", "min", "median", "quantile", "histogram", "compare", "buckets"] as const;
export type Verb = (typeof VERBS)[number];

export interface VerbRequest {
  readonly verb: Verb;
  /** As the user named them; undefined: whichever suits. */
  readonly series: readonly string[] | undefined;
  /** The flags --levels and --quantile, and whatever else the circuit takes. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** All that are configured. */
  readonly shapes: readonly SeriesShape[];
  /** Meters in the largest group. */
  readonly maxMeters: number;
}

export interface VerbOrder {
  readonly circuit: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly series: readonly string[];
}

export function isVerb(text: string): text is Verb {
  return (VERBS as readonly string[]).includes(text);
}

/** Of all that the circuit opens, what the verb asked for. */
export function shows(verb: string, name: string): boolean {
  if (verb === "histogram") return name.startsWith("bucket-");
  if (verb === "quantile") return name.startsWith("quantile-");
  return verb === "max" || verb === "min" || verb === "median" ? name === verb : true;
}

/** Throws UsageError that says which series or flag would do. */
export function orderOfVerb(request: VerbRequest): VerbOrder {
  const { verb, series, parameters, shapes } = request;
  if (verb === "quantile" && parameters["quantiles"] === undefined) {
    throw new UsageError("quantile: needs --quantile, as in --quantile 0.5,0.9");
  }
  if (verb !== "quantile" && !["compare", "buckets"].includes(verb) && parameters["quantiles"] !== undefined) {
    throw new UsageError(`--quantile: not for ${verb}; quantile takes it`);
  }
  const unknown = series?.find((name) => !shapes.some((shape) => shape.name === name));
  if (unknown !== undefined) {
    throw new UsageError(`--series ${unknown}: no such series; there are ${names(shapes)} (homomorphic.series)`);
  }
  const candidates = series === undefined ? shapes : shapes.filter(({ name }) => series.includes(name));
  if (series !== undefined && series.length > 1) return largerOfTwo(request, candidates);
  const levels = parameters["levels"] as readonly number[] | undefined;
  const bucketed = candidates.filter(({ content }) => content === "buckets");
  const hot = bucketed.find((shape) => levels === undefined || String(shape.levels) === String(levels));
  if (hot !== undefined && verb !== "compare") {
    const { levels: _, ...rest } = parameters;
    return { circuit: "buckets", parameters: { ...rest, edges: [0, ...hot.levels] }, series: [hot.name] };
  }
  const compared = candidates.find(({ content, set }) => content !== "buckets" && set === "strong");
  if (compared !== undefined && verb !== "buckets") {
    const { name, largest } = compared;
    if (levels === undefined) {
      throw new UsageError(
        `${verb}: comparing ${name} needs public levels, as in --levels 500,1000 (up to ${largest})`,
      );
    }
    return { circuit: "compare", parameters: { bound: largest, ...parameters }, series: [name] };
  }
  throw new UsageError(`${verb}: ${lacking(verb, candidates, bucketed)}`);
}

/** `max --series a,b`: the larger of two totals, without telling either. */
function largerOfTwo({ verb, series, parameters, maxMeters }: VerbRequest, shapes: readonly SeriesShape[]): VerbOrder {
  if (verb !== "max" || series?.length !== 2 || shapes.length !== 2) {
    throw new UsageError(`--series: ${verb} takes one series${verb === "max" ? ", or two different ones" : ""}`);
  }
  const other = shapes.find(({ set }) => set !== "strong");
  if (other !== undefined) {
    throw new UsageError(`max: ${text(other)} cannot be compared; two series of the set strong would do`);
  }
  const bound = maxMeters * Math.max(...shapes.map(({ largest }) => largest));
  return { circuit: "max-of-two", parameters: { bound, ...parameters }, series };
}

function lacking(verb: Verb, candidates: readonly SeriesShape[], bucketed: readonly SeriesShape[]): string {
  const [one] = bucketed;
  const strong = "a series of the set strong, with --levels, would do";
  if (one !== undefined && verb === "compare") {
    return `${one.name} holds buckets, which are counted, not compared: histogram would do, or ${strong}`;
  }
  if (one !== undefined)
    return `${one.name} has the levels ${one.levels.join(",")} and no others: leave --levels out, or ${strong}`;
  const buckets = verb === "compare" ? "" : "a series with content: buckets and levels would do, or ";
  const have = candidates.map(text).join(", ");
  return `${have} cannot be compared on ciphertexts; ${verb === "buckets" ? buckets.replace(", or ", "") : buckets + strong}`;
}

function text({ name, content, set }: SeriesShape): string {
  return `${name} (${content}, ${set})`;
}

function names(shapes: readonly SeriesShape[]): string {
  return shapes.map(({ name }) => name).join(", ");
}
