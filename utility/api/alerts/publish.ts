/** An alert as anyone may read it on `wv/1/pub/alert/<rule>`. */
import type { Alert as PublishedAlert } from "../../../protocol/messages/public.ts";
import { topicOf } from "../../../protocol/topics.ts";
import type { Alert } from "./alert-store.ts";

export function alertTopic({ rule }: Pick<Alert, "rule">): string {
  return topicOf("alert", { topic: rule });
}

/** Without who did what: names of accounts are nobody's business. */
export function alertMessage(alert: Alert, time: number): PublishedAlert {
  const { id, rule, text, state, severity, element, value, unit, since } = alert;
  if (state === "pending") throw new RangeError("alert: one that is pending is not told of");
  const [, feeder] = /^feeder:(.+)$/.exec(element) ?? [];
  return {
    time: Math.floor(time),
    code: rule,
    message: text,
    ...(feeder === undefined ? {} : { feederId: feeder }),
    since: Math.floor(since),
    ...{ id, state, severity, element, value, unit },
  };
}
