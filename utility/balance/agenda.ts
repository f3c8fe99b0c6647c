/** Which balances are due, and the questions they are asked with. Loads never wait for them, nor for a head. */
import type { Question } from "../../protocol/messages/round.ts";
import { slotOf, type SlotRange } from "../../protocol/slots.ts";
import { BALANCE_KINDS } from "../../protocol/units.ts";
import type { Utility } from "../settings.ts";
import { newRound, type RoundRecord } from "../rounds/record.ts";
import { askedBalances, saveAskedBalances } from "../store/balances-store.ts";
import { nextSerial, saveRound } from "../store/rounds-store.ts";

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

  /** Opens a round for the next balances of a feeder. `loadTo`: the loads of all slots before it are settled. */
  async open(feeder: string, loadTo: number): Promise<RoundRecord | undefined> {
    const { db, slotSeconds, clock } = this.#utility;
    const question = this.#due(feeder, loadTo, slotOf(clock.now(), slotSeconds));
    const [, to] = question?.segments[0] ?? [];
    if (question === undefined || to === undefined) return undefined;
    const record = await db.transaction().execute(async (transaction) => {
      const opened = newRound(question, clock.now(), await nextSerial(transaction));
      await saveAskedBalances(transaction, feeder, to);
      await saveRound(transaction, opened, slotSeconds);
      return opened;
    });
    this.#askedTo.set(feeder, to);
    return record;
  }

  #due(feeder: string, loadTo: number, nowSlot: number): Question | undefined {
    const { roll, balance, loadEverySlots, origin } = this.#utility;
    const heads = roll.heads(feeder, { from: 0, to: nowSlot + 1 });
    if (heads.length === 0) return undefined;
    const places = heads.flatMap((head) => roll.record(head)?.places ?? []);
    const firsts = places.filter((place) => place.feeder === feeder).map((place) => place.from);
    const from = Math.max(this.#askedTo.get(feeder) ?? origin, origin, Math.min(...firsts));
    const to = Math.min(loadTo, nowSlot - balance.graceSlots);
    // As many at once as of loads; fewer where there are no more loads to wait for.
    if (to <= from || (to < loadTo && to - from < loadEverySlots)) return undefined;
    return this.#question(feeder, { from, to: Math.min(to, from + MAX_SLOTS) });
  }

  #question(feeder: string, { from, to }: SlotRange): Question {
    const { roll } = this.#utility;
    const range = { from, to };
    const meters = [...roll.members(feeder, range), ...roll.heads(feeder, range)];
    meters.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    const most = Math.max(1, Math.floor(MAX_CELLS / (BALANCE_KINDS.length * meters.length)));
    const end = Math.min(to, from + most);
    return { purpose: "balance", feeder, meters, segments: [[from, end]], kinds: [...BALANCE_KINDS] };
  }
}
