/** Analytics without ciphertexts: a connection for the rounds of learning that it leads and the grid that it operates. */
import type { Config } from "../config/index.ts";
import type { Party } from "../config/keys/index.ts";
import { brokerAddress } from "../config/runtime/broker-address.ts";
import { connectLink, type Link } from "../config/runtime/link.ts";
import type { Logger } from "../config/runtime/logger.ts";
import { Refusals } from "../config/runtime/refusals.ts";
import { createSimClockFeed } from "../config/runtime/sim-clock-feed.ts";
import type { Leading } from "./releases/leading.ts";

interface LeadOptions {
  readonly config: Config;
  readonly party: Party;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly leading: Pick<Leading, "subscriptions" | "accept" | "start">;
}

/** Resolves when it is connected. */
export async function startLead({ config, party, log, signal, leading }: LeadOptions): Promise<() => Promise<void>> {
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const feed = createSimClockFeed({ config, directory: party.directory, refusals });
  const refuse = (code: string, detail: string): void => refusals.count(code, detail);
  const link: Link = await connectLink({
    ...{ party, log, signal, settings: config.link, alone: true },
    ...brokerAddress(config),
    subscriptions: [...leading.subscriptions, ...feed.subscriptions],
    onMessage: (topic, payload) => {
      if (!feed.accept(topic, payload) && !leading.accept(topic, payload)) refuse("wrong-topic", topic);
    },
  });
  leading.start({ now: () => feed.clock.now(), refuse, send: (topic, payload) => link.send(topic, payload) });
  return async () => {
    await link.close();
    refusals.flush();
  };
}
