/** The fixed set of a round, decoded once. It is our own encoding, read back from our own store: no schema is needed. */
import { decodeCbor } from "../../protocol/cbor.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import type { RoundRecord } from "./record.ts";

export class FixedSet {
  #decoded: { bytes: Uint8Array; content: SetContent } | undefined;

  /** Throws Error when the round has no set yet. */
  of({ id, content: bytes }: RoundRecord): SetContent {
    if (bytes === undefined) throw new Error(`round ${id} has no set`);
    if (this.#decoded?.bytes !== bytes) this.#decoded = { bytes, content: decodeCbor(bytes) as SetContent };
    return this.#decoded.content;
  }
}
