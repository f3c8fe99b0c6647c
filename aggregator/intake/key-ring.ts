/**
 * Brings meters, keys and places together: which meters the intake knows, with which keys. Keys come from the folder of
 * keys at the start and from the authority later; the newest is tried first, and the one before it serves until then.
 */
import type { Place } from "../../protocol/messages/enrolment.ts";
import type { Intake } from "./intake.ts";
import { MeterChannel, type RootKey } from "./meter-channel.ts";
import type { MeterTable } from "./meter-table.ts";

export interface KeyRingOptions {
  readonly index: number;
  readonly table: MeterTable;
  readonly intake: Intake;
}

export class KeyRing {
  readonly #options: KeyRingOptions;

  constructor(options: KeyRingOptions) {
    this.#options = options;
    const { index, table, intake } = options;
    for (const [state, keys] of table.states()) intake.addChannel(new MeterChannel(state, index, keys));
  }

  /** The channel of a meter, made with the keys in the database if need be. */
  obtain(meter: string): MeterChannel {
    const { index, table, intake } = this.#options;
    const known = intake.channel(meter);
    if (known !== undefined) return known;
    const state = table.register(meter);
    const channel = new MeterChannel(state, index, table.keysOf(state.number));
    intake.addChannel(channel);
    return channel;
  }

  /** Adds a root key: current where the meter has none, on trial beside an older one, ignored where a newer one rules. */
  addKey(meter: string, version: number, key: Uint8Array): void {
    const { table } = this.#options;
    const channel = this.obtain(meter);
    const { held } = channel;
    if (held.some((other) => other.version === version || (!other.trying && other.version > version))) return;
    const added: RootKey = { version, key, trying: held.some((other) => other.version < version) };
    table.addKey(channel.number, added);
    channel.addKey(added);
  }

  /** Reads again what the database says of some meters, which another worker has changed since. */
  reload(isMeant: (meter: string) => boolean): void {
    const { index, table, intake } = this.#options;
    for (const [state, keys] of table.states()) {
      const known = intake.channel(state.id);
      if (known === undefined || !isMeant(state.id)) continue;
      const channel = new MeterChannel(state, index, keys);
      channel.places = known.places;
      intake.addChannel(channel);
    }
  }

  /** Takes up what another worker has stored of a meter's keys. */
  reloadKeys(meter: string): void {
    const channel = this.obtain(meter);
    for (const key of this.#options.table.keysOf(channel.number)) channel.addKey(key);
  }

  setPlaces(meter: string, places: readonly Place[]): void {
    this.obtain(meter).places = places;
  }

  /** The meter's number, once it is known here. */
  nameOf(number: number): string | undefined {
    return this.#options.table.nameOf(number);
  }

  numberOf(meter: string): number | undefined {
    return this.#options.intake.channel(meter)?.number;
  }
}
