/**
 * The aggregator's part of an enrolment while nothing runs: it looks at the records and countersigns them, with its own
 * folder of keys and nothing else. On a running system the aggregator process does the same.
 */
import { ProtocolError } from "../../protocol/errors.ts";
import { acceptRecord, countersign } from "../../protocol/membership.ts";
import { indexOfAggregator } from "../../protocol/names.ts";
import { openParty, openRoll } from "../keys/index.ts";
import { EnrolmentError } from "./files.ts";

/**
 * Countersigns signed records in their order. `currentSlot` is where the past ends: 0 when a system is founded, since
 * simulated and replayed time may lie anywhere. Throws EnrolmentError for a record that an aggregator must not accept.
 */
export function countersignFolder(folder: string, records: readonly Uint8Array[], currentSlot: number): Uint8Array[] {
  const party = openParty(folder);
  const index = indexOfAggregator(party.id);
  if (index === undefined) throw new EnrolmentError(`${folder} is no aggregator's folder`);
  const { directory } = party;
  const roll = openRoll(party);
  return records.map((signed) => {
    try {
      acceptRecord(signed, { directory, previous: (meter) => roll.signedRecord(meter), currentSlot });
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      throw new EnrolmentError(`${party.id} does not countersign: ${cause.message}`, { cause });
    }
    return countersign(signed, index, party);
  });
}
