/** Where messages go that the broker brings: simulated time, ciphertexts, answers on jobs, presence, and the roll. */
import type { SqlDatabase } from "../config/runtime/sql.ts";
import { guardStorage } from "../config/runtime/database.ts";
import type { SimClockFeed } from "../config/runtime/sim-clock-feed.ts";
import type { Roll } from "../protocol/membership.ts";
import { serverStatus } from "../protocol/messages/public.ts";
import { filterOf, parseTopic } from "../protocol/topics.ts";
import type { Ingest } from "./ingest/ingest.ts";
import type { Letters } from "./openings/letters.ts";
import type { OpeningDesk } from "./openings/opening-desk.ts";
import { noteFeeders } from "./presence.ts";
import { takeCertificate } from "./roll.ts";

export interface InboxOptions {
  readonly db: SqlDatabase;
  readonly roll: Roll;
  readonly feed: Pick<SimClockFeed, "accept">;
  readonly ingest: Ingest;
  readonly letters: Letters;
  readonly openings: OpeningDesk;
  readonly refuse: (code: string, detail: string) => void;
}

/** Topics that analytics reads, besides those of simulated time. */
export const SUBSCRIPTIONS: readonly string[] = (
  ["heCiphertext", "jobAnswer", "jobResult", "aggregatorStatus", "roll"] as const
).map((name) => filterOf(name));

export function createInbox(options: InboxOptions): (topic: string, payload: Uint8Array) => void | Promise<void> {
  const { db, roll, feed, ingest, letters, openings, refuse } = options;
  return (topic, payload) => {
    if (feed.accept(topic, payload)) return;
    const parsed = parseTopic(topic);
    const { meter, series, agg, job, type } = parsed?.parameters ?? {};
    switch (parsed?.name) {
      case "heCiphertext":
        return ingest.handle(meter!, series!, payload);
      case "jobAnswer":
        return letters.takeAnswer(Number(agg), job!, type!, payload);
      case "jobResult":
        return letters.takeOutcome(job!, payload);
      case "aggregatorStatus": {
        const status = serverStatus.safeParse(parseJson(payload));
        if (status.success) openings.presence(Number(agg), status.data.state === "online");
        else refuse("malformed", `status of aggregator ${agg}`);
        return;
      }
      case "roll":
        guardStorage(db, () => {
          if (takeCertificate(db, roll, payload, refuse)) noteFeeders(db, roll);
        });
        return;
      default:
        refuse("wrong-topic", topic);
    }
  };
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
