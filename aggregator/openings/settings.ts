/** What jobs on ciphertexts need, from the configuration and this aggregator's folder of keys. */
import { seriesShape } from "../../config/ckks-series.ts";
import type { Config } from "../../config/index.ts";
import { readSealedShares } from "../../config/keys/ckks-files.ts";
import type { Party } from "../../config/keys/index.ts";
import { HeldEpochs } from "./held-epochs.ts";
import type { JobDeskSettings } from "./job-desk.ts";
import type { SeriesBook, SeriesRule } from "./job-rules.ts";
import { KeyBook } from "./key-book.ts";
import { WorkerMachine, type WorkerMachineOptions } from "./worker-machine.ts";

/**
 * Undefined where no homomorphic keys were dealt: then jobs are refused. Starts no thread yet. `warn` hears of files of a
 * later redealing that cannot be used.
 */
export function jobSettings(
  config: Config,
  party: Party,
  warn: (message: string) => void,
): JobDeskSettings | undefined {
  if (party.ckks === undefined) return undefined;
  readSealedShares(party.folder); // what cannot be read ends the start
  const held = new HeldEpochs(party, (error) => warn(error instanceof Error ? error.message : String(error)));
  const { statisticalBits, openings } = config.homomorphic;
  const heldKey: WorkerMachineOptions["heldKey"] = (epoch, set) => held.key(epoch, set);
  return {
    keys: new KeyBook(() => held.all),
    series: seriesBook(config),
    machine: () => new WorkerMachine({ data: config.paths.data, statisticalBits, openings, heldKey }),
    openings,
  };
}

function seriesBook({ homomorphic }: Config): SeriesBook {
  return new Map(
    Object.keys(homomorphic.series).map((name) => {
      const shape = seriesShape(homomorphic, name);
      const { kind, set, content, largest, sumsOnly } = shape;
      const rule: SeriesRule = {
        ...{
          kind,
          set,
          sumsOnly,
          isEnergy: content === "energy",
          firstSlotOnly: content === "peak",
          width: shape.numbers(1),
          maxValue: largest,
        },
        level: (parameters) => shape.level(parameters),
      };
      return [name, rule];
    }),
  );
}
