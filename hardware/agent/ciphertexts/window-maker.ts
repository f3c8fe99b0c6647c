/**
 * Finds the windows that are due and makes their ciphertexts: a window is over, its readings are settled, and none of it
 * was dealt with before. Nothing leaves from here.
 */
import type { SeriesShape } from "../../../config/ckks-series.ts";
import { isEmptyBitmap } from "../../../protocol/bitmap.ts";
import type { CkksParameters } from "../../../protocol/ckks/parameters.ts";
import type { Kind } from "../../../protocol/units.ts";
import { numbersOf, presenceOf, TooLargeError } from "./contents.ts";
import type { Encrypted, Encryptor } from "./encryptor.ts";
import { windowKey } from "./store.ts";
import type { CiphertextStore, NewCiphertext } from "./store.ts";
import type { Window, WindowCalendar } from "../../../config/windows.ts";

/**
 * How far readings are settled. `all`: with every aggregator; `enough`: each with so many that a load can hold it;
 * `open`: some is not.
 */
export type Settlement = "all" | "enough" | "open";

/** What is to be known of the meter's shares; a MeterAgent is one. */
export interface SettledReadings {
  readonly meter: string;
  /** In the database. */
  readonly number: number;
  /** The slot after the last one of a kind that is durable. */
  durableSlot(kind: Kind): number;
  /** How far the readings of slots [from, to) are settled. */
  settlement(kind: Kind, from: number, to: number): Settlement;
}

/** What meters encrypt under: the newest dealing. */
export interface DealtKeys {
  readonly epoch: number;
  /** By name of the set. */
  readonly parameters: ReadonlyMap<string, CkksParameters>;
}

export interface WindowSettings {
  readonly shapes: readonly SeriesShape[];
  /** Asked for each window: keys may be dealt anew meanwhile. */
  readonly dealt: () => DealtKeys;
  readonly slotSeconds: number;
  readonly graceSlots: number;
  /** The largest reading that a meter may have, in Wh; a series may allow less. */
  readonly mostWh: number;
  /** Windows of a series that may wait; those further back are not begun any more. */
  readonly outboxWindows: number;
  /** Wait after a failure. */
  readonly resendSeconds: number;
  /** A window with readings missing at its end is done when no reading was taken for so long. */
  readonly quietSeconds: number;
}

export interface WindowMakerOptions {
  readonly settings: WindowSettings;
  readonly readings: SettledReadings;
  readonly calendar: WindowCalendar;
  readonly store: CiphertextStore;
  readonly encryptor: Encryptor;
  /** Unix seconds; 0 while nobody has told the time. */
  readonly now: () => number;
  readonly monotonic: () => number;
  /** Makes it durable. Called once for each window, with the time that it took. */
  readonly made: (item: Omit<NewCiphertext, "waiting">, encrypted: Encrypted) => void;
  /** A reading of the window is above the bound: it has no ciphertext. */
  readonly tooLarge: (item: Window & { readonly series: string }, error: TooLargeError) => void;
  readonly failed: (error: unknown) => void;
}

export class WindowMaker {
  readonly #options: WindowMakerOptions;
  /** Windows that are being encrypted. */
  readonly #making = new Set<string>();
  /** By series: the slot with which the next window to deal with begins. */
  readonly #next = new Map<string, number>();
  /** Series with a window that is over, has readings, and is not ready. */
  readonly #stalled = new Set<string>();
  /** No window can be due before this slot, unless readings come. */
  #dueSlot = 0;
  #taken = -1;
  #takenAt: number;
  #retryAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: WindowMakerOptions) {
    this.#options = options;
    this.#takenAt = options.monotonic();
  }

  /** Windows that are being encrypted, and series whose next one waits for acks or for its time to be over. */
  get busy(): number {
    return this.#making.size + this.#stalled.size;
  }

  /** A window is over and waits for acks, or for time. */
  get stalled(): boolean {
    return this.#stalled.size > 0;
  }

  /** Starts to encrypt every window that is due. Cheap while none can be. */
  poll(): void {
    const { now, settings, readings, monotonic } = this.#options;
    const slot = Math.floor(now() / settings.slotSeconds);
    const taken = settings.shapes.reduce((sum, { kind }) => sum + readings.durableSlot(kind), 0);
    if (taken !== this.#taken) {
      this.#taken = taken;
      this.#takenAt = monotonic();
      this.#dueSlot = 0;
    }
    if (slot <= 0 || slot < this.#dueSlot || monotonic() < this.#retryAt || this.#closed) return;
    this.#dueSlot = Number.POSITIVE_INFINITY;
    for (const shape of settings.shapes) this.#pollSeries(shape, slot);
  }

  close(): void {
    this.#closed = true;
  }

  #pollSeries(shape: SeriesShape, slot: number): void {
    const { calendar, readings, store } = this.#options;
    const { name, kind } = shape;
    this.#stalled.delete(name);
    for (const window of calendar.over(this.#start(name, slot), slot + 1)) {
      const end = window.firstSlot + window.slots;
      if (slot < end) {
        this.#dueSlot = Math.min(this.#dueSlot, end);
        return;
      }
      // Nothing to encrypt, and who knows whether something comes.
      if (readings.durableSlot(kind) <= window.firstSlot) return;
      // What was said of a slot and is not committed yet may leave it out, or bring another.
      if (this.#isReady(kind, window, slot)) store.commit();
      if (!this.#isReady(kind, window, slot)) {
        this.#stalled.add(name);
        // Acks and time pass without a sign to this place.
        this.#dueSlot = 0;
        return;
      }
      if (!this.#isKnown(shape, window)) this.#deal(shape, window);
      this.#next.set(name, end);
    }
  }

  /** Is it settled which readings enter? */
  #isReady(kind: Kind, { firstSlot, slots }: Window, slot: number): boolean {
    const { readings, settings, monotonic } = this.#options;
    const end = firstSlot + slots;
    const grace = slot >= end + settings.graceSlots;
    const quiet = monotonic() - this.#takenAt >= settings.quietSeconds * 1_000;
    if (readings.durableSlot(kind) < end && !(grace && quiet)) return false;
    const settlement = readings.settlement(kind, firstSlot, end);
    return settlement === "all" || (settlement === "enough" && grace);
  }

  #isKnown({ name }: SeriesShape, { firstSlot }: Window): boolean {
    const { store, readings } = this.#options;
    return this.#making.has(windowKey(name, firstSlot)) || store.row(readings.number, name, firstSlot) !== undefined;
  }

  #start(series: string, slot: number): number {
    const { calendar, settings, store, readings } = this.#options;
    const known = this.#next.get(series);
    if (known !== undefined) return known;
    const last = store.last(readings.number, series);
    const next = last === undefined ? 0 : last.firstSlot + last.slots;
    let earliest = calendar.holding(slot).firstSlot;
    for (let back = 0; back < settings.outboxWindows && earliest > next && earliest > 0; back++) {
      earliest = calendar.holding(earliest - 1).firstSlot;
    }
    const start = Math.max(next, earliest, 0);
    this.#next.set(series, start);
    return start;
  }

  /** Encrypts a window, unless there is nothing in it, or something that does not fit. */
  #deal(shape: SeriesShape, window: Window): void {
    const { readings, settings, store } = this.#options;
    const values = store.readings(readings.number, shape.kind, window);
    if (values.every((value) => value === undefined)) return;
    try {
      const numbers = numbersOf(shape, values, settings.mostWh);
      const presence = presenceOf(shape, values);
      if (!isEmptyBitmap(presence)) void this.#encrypt(shape, window, presence, numbers);
    } catch (error) {
      if (!(error instanceof TooLargeError)) throw error;
      this.#options.tooLarge({ ...window, series: shape.name }, error);
    }
  }

  async #encrypt(shape: SeriesShape, window: Window, presence: Uint8Array, numbers: Float64Array): Promise<void> {
    const { encryptor, settings, readings, made, failed, monotonic } = this.#options;
    const { name: series, set } = shape;
    const { firstSlot } = window;
    const key = windowKey(series, firstSlot);
    this.#making.add(key);
    try {
      const { epoch, parameters } = settings.dealt();
      const dealt = parameters.get(set);
      if (dealt === undefined) throw new RangeError(`series ${series}: epoch ${epoch} has no keys of the set ${set}`);
      const level = shape.level(dealt);
      const request = { meter: readings.meter, epoch, set, series, firstSlot, level, cut: shape.sumsOnly, numbers };
      const encrypted = await encryptor.encrypt(request);
      if (this.#closed) return;
      const { sealed, digest } = encrypted;
      made({ ...window, series, epoch, presence, digest, sealed }, encrypted);
    } catch (error) {
      if (this.#closed) return;
      this.#making.delete(key);
      // Nothing of it has left: it is made anew after a while.
      this.#next.set(series, Math.min(firstSlot, this.#next.get(series) ?? firstSlot));
      this.#dueSlot = 0;
      this.#retryAt = monotonic() + settings.resendSeconds * 1_000;
      failed(error);
    }
  }

  /** It is durable: from now on the store knows. */
  durable(series: string, firstSlot: number): void {
    this.#making.delete(windowKey(series, firstSlot));
  }
}
