/** Which meters of a run are emulated devices, and what such a run is like. */
import type { Config } from "../../config/index.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import type { ReadingsSource } from "../loads/index.ts";

export interface EmulatedRun {
  readonly config: Config;
  readonly notes: readonly string[];
}

/**
 * The configuration of a run with emulated devices: more meters where nobody said how many, and no ciphertexts, which
 * such a device cannot make. Throws UsageError where the user asked for what does not go together.
 */
export function withEmulated(config: Config, isChosen: (path: string) => boolean): EmulatedRun {
  const { simulation, homomorphic } = config;
  const { emulated } = simulation;
  if (emulated === 0) return { config, notes: [] };
  let { meters } = simulation;
  const notes: string[] = [];
  if (emulated >= meters) {
    if (isChosen("simulation.meters") && emulated > meters) {
      throw new UsageError(`--emulated: expected at most the ${meters} meters of --meters, got ${emulated}`);
    }
    if (!isChosen("simulation.meters")) meters += emulated;
  }
  if (homomorphic.enabled) {
    if (isChosen("homomorphic.enabled")) {
      throw new UsageError(
        "--emulated: such devices cannot encrypt for computing on ciphertexts (homomorphic.enabled)",
      );
    }
    notes.push("without ciphertexts: a device of this class counts, shares and seals, but does not encrypt under CKKS");
  }
  return {
    config: {
      ...config,
      simulation: { ...simulation, meters },
      homomorphic: { ...homomorphic, enabled: false },
    },
    notes,
  };
}

/**
 * Indices of the meters that are emulated, spread over the source. A pulse input counts one direction, so they are homes
 * without generation. Throws UsageError where there are too few.
 */
export function emulatedMeters(source: ReadingsSource, count: number): number[] {
  if (count === 0) return [];
  const able = [...source.meters.keys()].filter((index) => !source.hasExport(index));
  if (able.length < count) {
    const all = source.meters.length;
    throw new UsageError(
      `--emulated: of ${all} simulated homes ${able.length} feed nothing in, and a pulse input counts one direction: ` +
        `expected at most ${able.length}, got ${count}`,
    );
  }
  return Array.from({ length: count }, (_, i) => able[Math.floor((i * able.length) / count)]!);
}
