/** Bills on a meter's connection: opened with the household's key, kept, and what is none counted. */
import type { MeterReadings } from "../../billing/readings-file.ts";
import type { Config } from "../../config/index.ts";
import { logPolicy } from "../../config/log-policy.ts";
import { customerKeyObject } from "../../config/keys/index.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { Refusals } from "../../config/runtime/refusals.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";
import { BillFolder, UnusableBillError } from "./bills.ts";
import { billsFolder } from "./household.ts";

export interface BillIntakeOptions {
  readonly config: Config;
  readonly meter: string;
  /** X25519 private key of the household, 32 raw bytes. */
  readonly customerSealKey: Uint8Array;
  readonly directory: Pick<Directory, "servers">;
  /** What this meter has measured; what a device keeps to itself is not there to check with. */
  readonly readings: () => MeterReadings;
  readonly log: Logger;
  readonly refusals: Refusals;
}

export class BillIntake {
  readonly #options: BillIntakeOptions;
  readonly #bills: BillFolder;
  readonly #topic: string;
  readonly subscription: string;

  /** Throws UsageError where the directory has no utility to believe. */
  constructor(options: BillIntakeOptions) {
    const { config, meter, customerSealKey, directory, readings } = options;
    this.#options = options;
    this.#topic = topicOf("bill", { meter });
    this.subscription = filterOf("bill", { meter });
    const sealKey = customerKeyObject(customerSealKey);
    const utilityKey = directory.servers.get("utility")?.signKey;
    if (utilityKey === undefined) throw new UsageError("the directory of this system lists no key of a utility");
    const policy = logPolicy(config, utilityKey);
    const folder = billsFolder(config.paths.data, meter);
    this.#bills = new BillFolder({ meter, folder, sealKey, directory, policy, readings });
  }

  /** Takes a message if it is a bill; else returns undefined. */
  accept(topic: string, payload: Uint8Array): Promise<void> | undefined {
    return topic === this.#topic ? this.#take(payload) : undefined;
  }

  async #take(payload: Uint8Array): Promise<void> {
    const { log, refusals } = this.#options;
    try {
      const { outcome, bill, file, check } = await this.#bills.take(payload);
      const fields = { periodStart: bill.periodStart, version: bill.version, file };
      if (outcome === "kept") log.info({ ...fields, readings: check.readings }, "a bill has come");
      if (check.findings.length > 0) {
        refusals.count("bill-unproved", file);
        log.error(
          { ...fields, findings: check.findings },
          "ALARM: this bill is not in the log, or is not known to follow from the readings",
        );
      }
      if (outcome !== "contradicts") return;
      refusals.count("bill-contradicts", file);
      log.error(fields, "this bill contradicts one that came first under its version; both are kept");
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refusals.count(`bill-${error.code}`, error.message);
      if (error instanceof UnusableBillError) {
        log.error({ findings: [error.message] }, "ALARM: the utility has signed a bill that cannot be checked");
      }
    }
  }
}
