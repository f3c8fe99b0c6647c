/**
 * Announcements of learning rounds and homes' updates in, their codes into the next ack. What belongs to no announced
 * round is counted and not answered: the home repeats it, and by then the announcement may be here. Sees shares, never
 * updates.
 */
import { ProtocolError } from "../../protocol/errors.ts";
import type { UpdateMessage } from "../../protocol/envelope/update.ts";
import type { Directory } from "../../protocol/keys/directory.ts";
import { openAnnouncement } from "../../protocol/learning/announcement.ts";
import { sharedElements } from "../../protocol/learning/bound.ts";
import { UPDATE_CODES } from "../../protocol/messages/ack-codes.ts";
import { elementsOfShare } from "../../protocol/shamir/vector-shares.ts";
import type { Intake } from "../intake/intake.ts";
import type { MeterChannel } from "../intake/meter-channel.ts";
import type { VectorStore } from "./vector-store.ts";

export interface VectorDeskOptions {
  readonly directory: Pick<Directory, "servers">;
  readonly store: VectorStore;
  readonly intake: Pick<Intake, "handleOther" | "counters">;
  readonly slotSeconds: number;
  /** A round is taken so long before it closes at most. */
  readonly learnKeepSeconds: number;
  /** Unix seconds; undefined while a simulation has not told the time. */
  readonly now: () => number | undefined;
  readonly refuse: (code: string, detail?: string) => void;
}

export class VectorDesk {
  readonly #options: VectorDeskOptions;
  /** Announcements are repeated: the last one need not be verified again. */
  #last: Buffer = Buffer.alloc(0);

  constructor(options: VectorDeskOptions) {
    this.#options = options;
  }

  /** Announced rounds and the bytes of their shares, as they are kept now. */
  get kept(): { readonly rounds: number; readonly bytes: number } {
    const { rounds, bytes } = this.#options.store;
    return { rounds, bytes };
  }

  /** Reads again which rounds there are: another worker hears of them. */
  refresh(): void {
    this.#options.store.refresh();
  }

  /** Forgets what is too old. */
  forget(): void {
    const time = this.#options.now();
    if (time !== undefined) this.#options.store.forget(time);
  }

  /** A message on `wv/1/pub/learn/announce`. */
  takeAnnouncement(payload: Uint8Array): void {
    const { directory, store, now, refuse, learnKeepSeconds } = this.#options;
    const time = now();
    if (time === undefined) return;
    this.forget();
    if (Buffer.compare(this.#last, payload) === 0) return;
    try {
      const { round, content } = openAnnouncement(payload, directory);
      const { closesAt, minMeters, maxMeters, vector, bound } = content;
      if (store.round(round) === undefined) {
        // Whatever it was, it is over: nothing could be told apart from a round that was forgotten.
        if (closesAt <= time) return;
        if (closesAt > time + learnKeepSeconds) {
          refuse("round-too-far", `round ${round} closes at ${closesAt}`);
          return;
        }
        const { length, laneBits, lanes } = vector;
        const bounded = bound && { length, laneBits, lanes, squares: bound.squares };
        const elements = sharedElements(content);
        if (!store.announce({ round, closesAt, minMeters, maxMeters, elements, bounded }, time)) {
          refuse("too-many-rounds", `round ${round}`);
          return;
        }
      }
      this.#last = Buffer.from(payload);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(`announcement-${error.code}`, error.message);
    }
  }

  /** A message on `wv/1/m/<meter>/fl/<round>/<this>`. */
  takeUpdate(meter: string, round: string, payload: Uint8Array): void {
    const { store, intake, refuse } = this.#options;
    // Before anything is opened: a flood of rounds that are nobody's costs a look into a map.
    if (store.round(round) === undefined) {
      refuse("unknown-learning-round", `${meter} round ${round}`);
      return;
    }
    intake.handleOther(
      meter,
      `${meter} update`,
      (channel, confirm) => channel.openUpdate(round, payload, confirm),
      (channel, update, time) => {
        intake.counters.updates++;
        return this.#take(channel, round, update, time);
      },
    );
  }

  /** Takes one update; false where it is not answered. */
  #take(channel: MeterChannel, round: string, update: UpdateMessage, time: number): boolean {
    const { store, slotSeconds, refuse } = this.#options;
    const { closesAt, elements } = store.round(round)!;
    const slot = Math.floor(closesAt / slotSeconds);
    if (!channel.belongs(slot, slot)) {
      // Its place may be on the way.
      refuse("update-without-place", channel.id);
      return false;
    }
    const answer = (code: keyof typeof UPDATE_CODES): true => {
      channel.acks.addUpdate({ round, code: UPDATE_CODES[code] });
      return true;
    };
    if (update.elements !== elements || !isInField(update)) {
      refuse("malformed-update", `${channel.id} round ${round}`);
      return answer("refused");
    }
    if (time >= closesAt && store.tagOf(round, channel.number) === undefined) {
      refuse("update-closed", `${channel.id} round ${round}`);
      return answer("closed");
    }
    const result = store.put(round, channel.number, update);
    if (result === "full") {
      refuse("updates-full", channel.id);
      return false;
    }
    if (result === "conflict") refuse("update-conflict", `${channel.id} round ${round}`);
    return answer(result);
  }
}

function isInField({ share, elements }: UpdateMessage): boolean {
  if ("seed" in share) return true;
  try {
    elementsOfShare(share, elements);
    return true;
  } catch (error) {
    if (error instanceof ProtocolError) return false;
    throw error;
  }
}
