/** Where the model of failures lies: looked up without loading what trains and uses it. */
import { existsSync } from "node:fs";

export interface HazardFiles {
  /** A model that was fitted, or empty. */
  readonly hazardModel: string;
  /** Where a model is kept that had to be trained here. */
  readonly modelFile: string;
}

/** Whether a model has to be trained before anything can be planned. */
export function lacksModel({ hazardModel, modelFile }: HazardFiles): boolean {
  return hazardModel === "" && !existsSync(modelFile);
}
