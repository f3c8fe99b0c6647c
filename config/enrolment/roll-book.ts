/**
 * The authority's own list of records, with the countersignatures that have come in: some certificates may still lack
 * countersignatures. Whole certificates are handed to the folders of those who need them.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openCountersignature, openRecord } from "../../protocol/membership.ts";
import type { MembershipCertificate, MembershipRecord } from "../../protocol/messages/enrolment.ts";
import { aggregatorId } from "../../protocol/names.ts";
import type { Party } from "../keys/index.ts";
import { trust } from "../keys/trust.ts";
import { encodeRoll, readRoll, ROLL_FILE } from "../keys/roll-file.ts";
import { replaceFile } from "./files.ts";
import { keyFolder } from "./system.ts";

export interface RollEntry {
  readonly record: MembershipRecord;
  /** As the authority signed it. */
  readonly signed: Uint8Array;
  readonly countersignatures: ReadonlyMap<number, Uint8Array>;
}

export class RollBook {
  readonly #authority: Party;
  readonly #entries = new Map<string, RollEntry>();
  /** The last whole certificates of meters whose newest record is still under way. */
  readonly #complete = new Map<string, RollEntry>();

  constructor(authority: Party) {
    this.#authority = authority;
    for (const { record: signed, countersignatures } of readRoll(authority.folder)) {
      const entry = trust(authority.folder, ROLL_FILE, () => this.#verify(signed, countersignatures));
      this.#put(entry);
    }
  }

  #verify(signed: Uint8Array, countersignatures: readonly Uint8Array[]): RollEntry {
    const { directory } = this.#authority;
    const byIndex = countersignatures.map((item): [number, Uint8Array] => [
      openCountersignature(item, signed, directory),
      Uint8Array.from(item),
    ]);
    return {
      record: openRecord(signed, directory),
      signed: Uint8Array.from(signed),
      countersignatures: new Map(byIndex),
    };
  }

  #put(entry: RollEntry): void {
    const { meter, serial } = entry.record;
    if (this.isComplete(entry)) {
      const known = this.#complete.get(meter);
      if (known === undefined || known.record.serial <= serial) this.#complete.set(meter, entry);
    }
    const known = this.#entries.get(meter);
    if (known === undefined || known.record.serial <= serial) this.#entries.set(meter, entry);
  }

  /** At least q aggregators have countersigned. */
  isComplete({ countersignatures }: RollEntry): boolean {
    return countersignatures.size >= this.#authority.directory.q;
  }

  /** The newest record of a meter. */
  get(meter: string): RollEntry | undefined {
    return this.#entries.get(meter);
  }

  /** The newest record of a meter that enough aggregators have countersigned. */
  wholeRecord(meter: string): MembershipRecord | undefined {
    return this.#complete.get(meter)?.record;
  }

  entries(): RollEntry[] {
    return [...this.#entries.values()];
  }

  /** Takes a newly signed record. */
  addRecord(record: MembershipRecord, signed: Uint8Array): void {
    this.#put({ record, signed, countersignatures: new Map() });
  }

  /** Verifies and takes a countersignature of a meter's newest record. Throws ProtocolError. */
  addCountersignature(meter: string, countersignature: Uint8Array): void {
    const entry = this.#entries.get(meter);
    if (entry === undefined) throw new RangeError(`meter: ${meter} has no record`);
    const index = openCountersignature(countersignature, entry.signed, this.#authority.directory);
    this.#put({ ...entry, countersignatures: new Map([...entry.countersignatures, [index, countersignature]]) });
  }

  /** Whole certificates: what others may believe. */
  certificates(): MembershipCertificate[] {
    return [...this.#complete.values()].map(certificateOf);
  }

  certificate(meter: string): MembershipCertificate | undefined {
    const entry = this.#complete.get(meter);
    return entry === undefined ? undefined : certificateOf(entry);
  }

  /** Writes the authority's list, and the whole certificates into those folders of others that are on this machine. */
  save(keys: string): void {
    const underWay = this.entries().filter((entry) => !this.isComplete(entry));
    const own = [...this.certificates(), ...underWay.map(certificateOf)];
    replaceFile(join(this.#authority.folder, ROLL_FILE), encodeRoll(own));
    const others = ["utility", "analytics", "broker", ...aggregatorIds(this.#authority)];
    const roll = encodeRoll(this.certificates());
    for (const id of others) {
      const folder = keyFolder(keys, id);
      if (existsSync(folder)) replaceFile(join(folder, ROLL_FILE), roll);
    }
  }
}

/** The ids of all aggregators of the system. */
export function aggregatorIds({ directory }: Party): string[] {
  return Array.from({ length: directory.n }, (_, i) => aggregatorId(i + 1));
}

function certificateOf({ signed, countersignatures }: RollEntry): MembershipCertificate {
  return { record: signed, countersignatures: [...countersignatures.values()] };
}
