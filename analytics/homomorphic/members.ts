/** Which meters a group has in a window, and which of their ciphertexts a job takes. */
import type { Roll } from "../../protocol/membership.ts";
import type { CiphertextStore } from "../store/ciphertext-store.ts";
import type { Window } from "../../config/windows.ts";
import type { JobInput } from "./evaluator.ts";

type MembershipRoll = Pick<Roll, "feeders" | "members" | "record">;

/** The name of the group of all feeders. */
export const FLEET = "fleet";

/** Meters whose place is one of the feeders for the whole window, sorted: no others may be inputs. */
export function wholeMembers(roll: MembershipRoll, feeders: readonly string[], { firstSlot, slots }: Window): string[] {
  const range = { from: firstSlot, to: firstSlot + slots };
  const found = feeders.flatMap((feeder) =>
    roll.members(feeder, range).filter((meter) => {
      const places = roll.record(meter)?.places ?? [];
      return places.some(
        (place) => place.feeder === feeder && place.from <= range.from && (place.to === null || place.to >= range.to),
      );
    }),
  );
  return [...new Set(found)].sort((a, b) => (a < b ? -1 : 1));
}

/** Feeders that have a member in the window, sorted. */
export function feedersIn(roll: MembershipRoll, { firstSlot, slots }: Window): string[] {
  const range = { from: firstSlot, to: firstSlot + slots };
  return roll.feeders().filter((feeder) => roll.members(feeder, range).length > 0);
}

export interface InputChoice {
  readonly roll: MembershipRoll;
  readonly store: CiphertextStore;
  readonly feeders: readonly string[];
  readonly series: readonly string[];
  readonly window: Window;
  readonly excluded: readonly string[];
}

export interface ChosenInputs {
  readonly epoch: number;
  readonly inputs: readonly JobInput[];
  /** Feeders that the inputs are of; the others of the group have none. */
  readonly feeders: readonly string[];
  /** Meters whose ciphertexts are of other epochs: no key opens a sum over two of them. */
  readonly otherEpochs: number;
}

/**
 * The ciphertexts of a group, series by series and meter by meter, of meters that have one of every series, all under the
 * keys of one epoch: the one that most meters have, the newer of two. Undefined where there are none.
 */
export function chooseInputs(choice: InputChoice): ChosenInputs | undefined {
  const { roll, store, feeders, series, window, excluded } = choice;
  const left = new Set(excluded);
  const bySeries = series.map((name) => new Map(store.inputs(name, window.firstSlot).map((row) => [row.meter, row])));
  const meters = wholeMembers(roll, feeders, window).filter(
    (meter) => !left.has(meter) && bySeries.every((rows) => rows.has(meter)),
  );
  const byEpoch = new Map<number, string[]>();
  for (const meter of meters) {
    const epochs = new Set(bySeries.map((rows) => rows.get(meter)!.epoch));
    const [epoch] = epochs;
    if (epochs.size !== 1 || epoch === undefined) continue;
    const group = byEpoch.get(epoch);
    if (group === undefined) byEpoch.set(epoch, [meter]);
    else group.push(meter);
  }
  const [most] = [...byEpoch].sort(([a, first], [b, second]) => second.length - first.length || b - a);
  if (most === undefined) return undefined;
  const [epoch, chosen] = most;
  const inputs = chosen.flatMap((meter) =>
    bySeries.map((rows, i) => ({ meter, series: series[i]!, digest: rows.get(meter)!.digest })),
  );
  const taken = new Set(chosen);
  const holding = feeders.filter((feeder) => wholeMembers(roll, [feeder], window).some((meter) => taken.has(meter)));
  return { epoch, inputs, feeders: holding, otherEpochs: meters.length - chosen.length };
}
