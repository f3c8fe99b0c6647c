/**
 * Networks as announcements name them. Whoever announces chooses the topology, and a home builds nothing before it knows how
 * large that would be: a layer of a million units ends a process, whatever limits its thread has.
 */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Backend } from "./backend.ts";
import { FEATURES, SEQUENCE } from "./features.ts";
import { NETWORK_SHAPE, NetworkModel } from "./layers-model.ts";

/** More weights than any vector of a round has. */
const MOST_UNITS = 65_536;
/** Gates of a recurrent unit. */
const GATES = 3;

const layer = z.object({
  name: z.string(),
  config: z.looseObject({ units: z.int().min(1).max(MOST_UNITS).optional() }),
});
const outline = z.looseObject({ config: z.looseObject({ name: z.string(), layers: z.array(layer).max(16) }) });

/** Weights of a network as `NetworkModel` builds it. */
export function networkWeights(
  kind: "dense" | "gru",
  { hidden, recurrent }: { readonly hidden: number; readonly recurrent: number },
  outputs: number,
): number {
  const memory = kind === "dense" ? 0 : GATES * recurrent * (SEQUENCE.channels + recurrent + 1);
  const seen = FEATURES.length + (kind === "dense" ? 0 : recurrent);
  return memory + (seen + 1) * hidden + (hidden + 1) * outputs + FEATURES.length * outputs;
}

/**
 * The network of this version with as many units as the topology says, and `weights` weights. Throws RangeError where the
 * topology is none of `kind`, differs in anything but units and initial weights, or takes another number of weights.
 */
export function announcedNetwork(
  backend: Backend,
  kind: "dense" | "gru",
  quantiles: readonly number[],
  { topology, weights }: { readonly topology: unknown; readonly weights: number },
): NetworkModel {
  const parsed = outline.safeParse(topology);
  if (!parsed.success) throw new RangeError(`topology: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`);
  const unitsOf = (name: string): number | undefined =>
    parsed.data.config.layers.find((one) => one.name === name)?.config.units;
  const hidden = unitsOf("hidden");
  const recurrent = kind === "dense" ? NETWORK_SHAPE.recurrent : unitsOf("memory");
  if (hidden === undefined || recurrent === undefined) throw new RangeError(`topology: has not the layers of ${kind}`);
  const takes = networkWeights(kind, { hidden, recurrent }, quantiles.length);
  if (takes !== weights) throw new RangeError(`weights: expected ${takes}, got ${weights}`);
  const model = new NetworkModel(backend, kind, quantiles, { hidden, recurrent, seed: NETWORK_SHAPE.seed });
  const own = JSON.parse(JSON.stringify(model.network.toJSON(undefined, false))) as { config: { name: string } };
  own.config.name = parsed.data.config.name;
  if (isDeepStrictEqual(comparable(own), comparable(topology))) return model;
  model.dispose();
  throw new RangeError(`topology: differs from ${kind} of this version; homes and analytics differ in version`);
}

/** Without what does not matter once weights are set, and what two builds of one network call differently. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name]) => name !== "keras_version" && !name.endsWith("_initializer"));
  return Object.fromEntries(entries.map(([name, own]) => [name, comparable(own)]));
}
