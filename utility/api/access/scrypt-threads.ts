/** Threads for scrypt alone. They begin with the first password, and end when none has come for a while. */
import { Piscina } from "piscina";
import { TYPESCRIPT_THREAD } from "../../../config/runtime/worker-thread.ts";
import type { Derivation } from "./passwords.ts";

const IDLE_MILLISECONDS = 600_000;

export class ScryptThreads {
  readonly #pool: Piscina;

  constructor(threads: number) {
    this.#pool = new Piscina({
      filename: new URL("./scrypt-thread.ts", import.meta.url).href,
      execArgv: TYPESCRIPT_THREAD,
      ...{ minThreads: 0, maxThreads: threads, idleTimeout: IDLE_MILLISECONDS },
    });
  }

  derive = async (derivation: Derivation): Promise<Uint8Array> =>
    (await this.#pool.run(derivation, { name: "derive" })) as Uint8Array;

  async stop(): Promise<void> {
    await this.#pool.destroy();
  }
}
