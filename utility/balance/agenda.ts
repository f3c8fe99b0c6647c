/** Which balances are due, and the questions they are asked with. Loads never wait for them, nor for a head. */
import type { Question } from "../../protocol/messages/round.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import { BALANCE_KINDS } from "../../protocol/units.ts";
import type { Utility } from "../settings.ts";
import { askedBalances } from "../store/balances-store.ts";

/** Cells of one round at most, as of load rounds. */
const MAX_CELLS = 2 ** 22;
const MAX_SLOTS = 2_976;

export class BalanceAgenda {
  readonly #utility: Utility;
  #askedTo = new Map<string, number>();

  constructor(utility: Utility) {
    this.#utility = utility;
  }

  async start(): Promise<void> {
    this.#askedTo = await askedBalances(this.#utility.db);
  }

  /**
   * The next balances of a feeder, or undefined. `loadTo`: the loads of all slots before it are settled; `nowSlot` has
   * begun.
   */
  due(feeder: string, loadTo: number, nowSlot: number): Question | undefined {
    const { roll, balance, loadEverySlots, origin } = this.#utility;
    const all = roll.heads(feeder, { from: 0, to: nowSlot + 1 });
    if (all.length === 0) return undefined;
    const firsts = all.flatMap((head) =>
      (roll.record(head)?.places ?? []).filter((place) => place.feeder === feeder).map((place) => place.from),
    );
    const from = Math.max(this.#askedTo.get(feeder) ?? origin, origin, Math.min(...firsts));
    const ended = Math.min(loadTo, nowSlot - balance.graceSlots);
    const to = Math.min(Math.floor(ended / loadEverySlots) * loadEverySlots, from + MAX_SLOTS);
    return to > from ? this.#question(feeder, { from, to }) : undefined;
  }

  asked(feeder: string, { segments }: Question): void {
    this.#askedTo.set(feeder, segments[0]![1]);
  }

  #question(feeder: string, { from, to }: SlotRange): Question | undefined {
    const { roll } = this.#utility;
    const range = { from, to };
    const meters = [...roll.members(feeder, range), ...roll.heads(feeder, range)];
    meters.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const most = Math.max(1, Math.floor(MAX_CELLS / (BALANCE_KINDS.length * meters.length)));
    const end = Math.min(to, from + most);
    return { purpose: "balance", feeder, meters, segments: [[from, end]], kinds: [...BALANCE_KINDS] };
  }
}
