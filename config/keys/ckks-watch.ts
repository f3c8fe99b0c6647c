/**
 * Which CKKS keys were dealt, as a party's folder says now: a redealing counts for a running process as soon as its new
 * `ckks.cose` is there.
 */
import type { CkksManifest } from "../../protocol/keys/index.ts";
import { CKKS_FILE, fileVersion } from "./folder.ts";
import { openParty, type Party } from "./party.ts";

export class CkksWatch {
  readonly #party: Pick<Party, "folder" | "ckks">;
  readonly #fault: (error: unknown) => void;
  #manifest: CkksManifest | undefined;
  #read: string | undefined;

  /** `fault` is told, once for each file, of one that does not verify; the manifest before it goes on counting. */
  constructor(party: Pick<Party, "folder" | "ckks">, fault: (error: unknown) => void) {
    this.#party = party;
    this.#manifest = party.ckks;
    this.#fault = fault;
  }

  /** The very same one as long as nothing has changed. Undefined while nothing was ever dealt. */
  get manifest(): CkksManifest | undefined {
    const version = fileVersion(this.#party.folder, CKKS_FILE);
    // Without the file, what was read before goes on counting.
    if (version === this.#read || version === "") return this.#manifest;
    this.#read = version;
    try {
      this.#manifest = openParty(this.#party.folder).ckks ?? this.#manifest;
    } catch (error) {
      this.#fault(error);
    }
    return this.#manifest;
  }
}
