/** Public names of the household loads. */
export { type GeneratorOptions, LoadGenerator, type Registers } from "./generator.ts";
export type { LoadParts } from "./household.ts";
export type { LoadModelOptions } from "./model-options.ts";
export type { MeterPlace, ReadingsSource, SlotEnergy } from "./readings-source.ts";
export { openReplay, type ReplayOptions } from "./replay.ts";
export { ReplayError, type ReplayFault } from "./replay-faults.ts";
export { TruthFile, type TruthRow } from "./truth.ts";
