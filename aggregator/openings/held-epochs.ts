/** The dealings that this aggregator holds a share of, as its folder says now: a redealing counts without a restart. */
import { CKKS_SHARE_FILE, fileVersion } from "../../config/keys/folder.ts";
import { readSealedShares } from "../../config/keys/ckks-files.ts";
import { CkksWatch, openCkksShare, type Party } from "../../config/keys/index.ts";
import type { CkksEpoch, CkksManifest } from "../../protocol/keys/index.ts";
import type { HeldKey } from "./worker-calls.ts";

export class HeldEpochs {
  readonly #party: Party;
  readonly #watch: CkksWatch;
  readonly #fault: (error: unknown) => void;
  #manifest: CkksManifest | undefined;
  #shares = "";
  #held: readonly CkksEpoch[] = [];

  /** `fault` is told, once for each file, of one that does not verify; what was there before it goes on counting. */
  constructor(party: Party, fault: (error: unknown) => void) {
    this.#party = party;
    this.#watch = new CkksWatch(party, fault);
    this.#fault = fault;
  }

  /** Rising; the very same list as long as nothing has changed. */
  get all(): readonly CkksEpoch[] {
    const { manifest } = this.#watch;
    // The two files may come in either order.
    const shares = fileVersion(this.#party.folder, CKKS_SHARE_FILE);
    if (manifest === this.#manifest && shares === this.#shares) return this.#held;
    this.#manifest = manifest;
    this.#shares = shares;
    try {
      const sealed = readSealedShares(this.#party.folder);
      this.#held = (manifest?.epochs ?? []).filter(({ epoch, dealing }) =>
        sealed.some(([number, of]) => number === epoch && Buffer.compare(of, dealing) === 0),
      );
    } catch (error) {
      this.#fault(error);
    }
    return this.#held;
  }

  /** Rejects with RangeError for what is not held, KeyFolderError for a share that does not open. */
  async key(number: number, set: string): Promise<HeldKey> {
    const epoch = this.all.find((one) => one.epoch === number);
    if (epoch === undefined) throw new RangeError(`epoch: no share of epoch ${number} is here`);
    return { epoch, share: await openCkksShare(this.#party, epoch, set) };
  }
}
