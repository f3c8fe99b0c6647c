/** What jobs on ciphertexts need, from the configuration and this aggregator's folder of keys. */
import { seriesShape } from "../../config/ckks-series.ts";
import type { Config } from "../../config/index.ts";
import { readSealedShares } from "../../config/keys/ckks-files.ts";
import { openCkksShare, type Party } from "../../config/keys/index.ts";
import type { JobDeskSettings } from "./job-desk.ts";
import type { SeriesBook, SeriesRule } from "./job-rules.ts";
import { KeyBook } from "./key-book.ts";
import { WorkerMachine } from "./worker-machine.ts";

/** Undefined where no homomorphic keys were dealt: then jobs are refused. Starts no thread yet. */
export function jobSettings(config: Config, party: Party): JobDeskSettings | undefined {
  if (party.ckks === undefined) return undefined;
  const held = readSealedShares(party.folder);
  const epochs = party.ckks.epochs.filter(({ epoch, dealing }) =>
    held.some(([number, of]) => number === epoch && Buffer.compare(of, dealing) === 0),
  );
  const { statisticalBits, openings } = config.homomorphic;
  const shareOf = async (epoch: number, set: string): Promise<Uint8Array> => {
    const known = epochs.find((one) => one.epoch === epoch);
    if (known === undefined) throw new RangeError(`epoch: expected one of ${epochs.length} dealt here, got ${epoch}`);
    return await openCkksShare(party, known, set);
  };
  return {
    keys: new KeyBook(epochs),
    series: seriesBook(config),
    machine: () => new WorkerMachine({ data: config.paths.data, epochs, statisticalBits, openings, shareOf }),
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
