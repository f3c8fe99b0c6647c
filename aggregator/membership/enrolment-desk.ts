/** Answers the authority: a record is countersigned and its key stored, or refused with the reason. */
import { ProtocolError } from "../../protocol/errors.ts";
import type { CountersignMessage, EnrolMessage, MembershipRecord } from "../../protocol/messages/enrolment.ts";
import { openRecord } from "../../protocol/membership.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import type { Membership } from "./membership.ts";

export interface EnrolmentDeskOptions {
  readonly index: number;
  readonly directory: Pick<Directory, "servers">;
  readonly membership: Membership;
  /** Stores the key under the record's version, and lets the meter in or out; before the answer is sent. */
  readonly onAccepted: (record: MembershipRecord, rootKey: Uint8Array | undefined) => void;
  readonly refuse: (code: string, detail?: string) => void;
}

export class EnrolmentDesk {
  readonly #options: EnrolmentDeskOptions;

  constructor(options: EnrolmentDeskOptions) {
    this.#options = options;
  }

  /** The answer to a request. Throws ProtocolError when the record is not the authority's: then nobody is answered. */
  handle({ record: signed, rootKey }: EnrolMessage): CountersignMessage {
    const { index: aggregator, membership, onAccepted, refuse, directory } = this.#options;
    const { meter, serial } = openRecord(signed, directory);
    const answer = { type: "countersign" as const, aggregator, meter, serial };
    try {
      const { record, countersignature } = membership.accept(signed);
      onAccepted(record, rootKey);
      return { ...answer, countersignature };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(`enrol-${error.code}`, error.message);
      return { ...answer, refusal: error.message.slice(0, 500) };
    }
  }
}
