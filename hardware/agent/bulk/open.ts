/** A meter's second connection, as `<meter>.bulk`; nothing is connected before there is something to bring. */
import { type BrokerAddress, bulkAddress } from "../../../config/runtime/broker-address.ts";
import { randomInt } from "node:crypto";
import type { Config } from "../../../config/index.ts";
import type { Party } from "../../../config/keys/index.ts";
import { connectLink } from "../../../config/runtime/link.ts";
import type { Logger } from "../../../config/runtime/logger.ts";
import { BULK_SUFFIX, filterOf } from "../../../protocol/topics.ts";
import { BulkCourier } from "./bulk-courier.ts";
import { Turns } from "./turns.ts";

export interface BulkOptions {
  readonly config: Config;
  readonly party: Party;
  /** Where the first connection goes. */
  readonly broker: BrokerAddress;
  readonly log: Logger;
  /** Of the process. */
  readonly turns: Turns;
  /** Bytes went out. */
  readonly sent?: (bytes: number) => void;
  /** The connection failed, or a publish did. */
  readonly failed: (error: unknown) => void;
}

/** Second connections of a process that stand at the same time. */
const CONNECTIONS = 32;

/** What the meters of a process take turns by. */
export function bulkTurns(): Turns {
  return new Turns(CONNECTIONS);
}

export function openBulk({ config, party, broker, log, turns, sent, failed }: BulkOptions): BulkCourier {
  const { bytesPerSecond, resendSeconds } = config.homomorphic;
  return new BulkCourier({
    ...{ turns, failed, bytesPerSecond, patienceMilliseconds: resendSeconds * 1_000 },
    ...(sent === undefined ? {} : { sent }),
    monotonic: () => performance.now(),
    after: (milliseconds, callback) => {
      const timer = setTimeout(callback, milliseconds);
      return () => clearTimeout(timer);
    },
    random: () => randomInt(2 ** 32) / 2 ** 32,
    connect: (handlers) =>
      connectLink({
        ...{ ...bulkAddress(broker), party, log, ...handlers, settings: config.link },
        clientIdSuffix: BULK_SUFFIX,
        subscriptions: [filterOf("heAck", { meter: party.id })],
      }),
  });
}
