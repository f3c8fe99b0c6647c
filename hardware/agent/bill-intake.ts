/** Bills on a meter's connection: opened with the household's key, kept, and what is none counted. */
import type { Config } from "../../config/index.ts";
import { customerKeyObject } from "../../config/keys/index.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { Refusals } from "../../config/runtime/refusals.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";
import { BillFolder } from "./bills.ts";
import { billsFolder } from "./household.ts";

export interface BillIntakeOptions {
  readonly paths: Config["paths"];
  readonly meter: string;
  /** X25519 private key of the household, 32 raw bytes. */
  readonly customerSealKey: Uint8Array;
  readonly directory: Pick<Directory, "servers">;
  readonly log: Logger;
  readonly refusals: Refusals;
}

export class BillIntake {
  readonly #options: BillIntakeOptions;
  readonly #bills: BillFolder;
  readonly #topic: string;
  readonly subscription: string;

  constructor(options: BillIntakeOptions) {
    const { paths, meter, customerSealKey, directory } = options;
    this.#options = options;
    this.#topic = topicOf("bill", { meter });
    this.subscription = filterOf("bill", { meter });
    const sealKey = customerKeyObject(customerSealKey);
    this.#bills = new BillFolder({ meter, folder: billsFolder(paths.data, meter), sealKey, directory });
  }

  /** Takes a message if it is a bill; else returns undefined. */
  accept(topic: string, payload: Uint8Array): Promise<void> | undefined {
    return topic === this.#topic ? this.#take(payload) : undefined;
  }

  async #take(payload: Uint8Array): Promise<void> {
    const { log, refusals } = this.#options;
    try {
      const { outcome, bill, file } = await this.#bills.take(payload);
      const fields = { periodStart: bill.periodStart, version: bill.version, file };
      if (outcome === "kept") log.info(fields, "a bill has come");
      if (outcome !== "contradicts") return;
      refusals.count("bill-contradicts", file);
      log.error(fields, "this bill contradicts one that came first under its version; both are kept");
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refusals.count(`bill-${error.code}`, error.message);
    }
  }
}
