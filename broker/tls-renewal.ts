/** Takes renewed files of the broker's folder into use while it runs. */
import { KeyFolderError, type PartyTls } from "../config/keys/index.ts";
import type { Listeners } from "./listeners.ts";

export interface TlsRenewalOptions {
  readonly party: { readonly tls: PartyTls };
  readonly listeners: Pick<Listeners, "renew">;
  readonly refuse: (code: string, detail: Readonly<Record<string, string>>) => void;
}

export class TlsRenewal {
  readonly #options: TlsRenewalOptions;
  #inUse: PartyTls;

  /** `inUse`: what the listeners were opened with. */
  constructor(options: TlsRenewalOptions, inUse: PartyTls) {
    this.#options = options;
    this.#inUse = inUse;
  }

  /** To be called again and again. A list that is not the authority's is refused, once, and everything stays. */
  async look(): Promise<void> {
    const { party, listeners, refuse } = this.#options;
    const { tls } = party;
    if (tls === this.#inUse) return;
    this.#inUse = tls;
    try {
      await listeners.renew(tls);
    } catch (error) {
      if (!(error instanceof KeyFolderError)) throw error;
      refuse("revocation-list", { reason: error.message });
    }
  }
}
