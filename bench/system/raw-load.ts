/** The raw side of the comparison: random payloads of a share message's size, as fast as the broker takes them. */
import { randomBytes } from "node:crypto";
import type { Link } from "../../config/runtime/link.ts";
import type { MetersCommand, RawResult } from "./meters-plan.ts";

export interface RawPublisher {
  readonly link: Link;
  readonly rawTopics: readonly string[];
}

/** A window of unacknowledged messages per connection keeps the broker busy without drowning it. */
export async function publishRaw(
  meters: readonly RawPublisher[],
  command: MetersCommand & { type: "raw" },
): Promise<RawResult> {
  const { bytes, seconds, window } = command;
  const startedAt = Date.now();
  const until = performance.now() + seconds * 1000;
  const payload = randomBytes(bytes);
  let messages = 0;
  await Promise.all(
    meters.map(
      ({ link, rawTopics }) =>
        new Promise<void>((resolve, reject) => {
          let open = 0;
          let scheduled = false;
          const topUp = (): void => {
            scheduled = false;
            const now = performance.now();
            while (now < until && open + rawTopics.length <= window) {
              for (const topic of rawTopics) {
                open++;
                messages++;
                link.send(topic, payload, {}, acknowledged);
              }
            }
            if (now >= until && open === 0) resolve();
          };
          const acknowledged = (error?: Error): void => {
            open--;
            if (error !== undefined) reject(error);
            if (scheduled) return;
            scheduled = true;
            setImmediate(topUp);
          };
          topUp();
        }),
    ),
  );
  return { type: "raw", messages, startedAt };
}
