/** The model that a campaign begins with, in the terms in which it is announced. */
import {
  type Backend,
  LINEAR_WEIGHTS,
  LinearModel,
  MEDIAN,
  NETWORK_SHAPE,
  NetworkModel,
} from "../../learning/index.ts";
import type { Start } from "./campaign.ts";
import type { CampaignOptions } from "./options.ts";

/** Untrained models forecast the blend of the last 7 days and 4 weeks. The backend is asked for by networks alone. */
export async function startOf(
  { kind, hidden, seed }: Pick<CampaignOptions, "kind" | "hidden" | "seed">,
  backend: () => Promise<Backend>,
): Promise<Start> {
  if (kind === "linear") {
    const config = { name: "load", units: 1, batch_input_shape: [null, LINEAR_WEIGHTS - 1], activation: "linear" };
    const layers = [{ class_name: "Dense", config }];
    const topology = { class_name: "Sequential", config: { name: "linear", layers } };
    return { topology, weights: new LinearModel(MEDIAN).weights() };
  }
  const model = new NetworkModel(await backend(), kind, MEDIAN, { ...NETWORK_SHAPE, hidden, seed });
  try {
    const topology = model.network.toJSON(undefined, false) as unknown;
    // What tfjs leaves undefined is not there for whoever reads the announcement.
    return { topology: JSON.parse(JSON.stringify(topology)) as Start["topology"], weights: model.weights() };
  } finally {
    model.dispose();
  }
}
