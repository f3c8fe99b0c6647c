/**
 * Who may publish and receive what: the topic table, asked for every message. What a topic is, is worked out once per
 * topic and remembered, so that the question costs a look-up.
 */
import { maySubscribe } from "../protocol/topic-rules.ts";
import { parseTopic, TOPICS } from "../protocol/topics.ts";
import type { ClientIdentity, Rule, TopicDefinition } from "../protocol/topics.ts";
import { SYS_PREFIX } from "./counters.ts";
import { isServer } from "./identity.ts";

/** Why a message or a will is refused. */
export type PublishFault = "publish-denied" | "retain-denied" | "payload-too-large";

/** What is asked of a message. */
export interface Publication {
  readonly topic: string;
  readonly payload: Buffer | string;
  readonly retain: boolean;
}

interface KnownTopic {
  readonly definition: TopicDefinition;
  /** The id that "own" rules of the table ask for: of the meter or aggregator in the topic. */
  readonly owners: { readonly meter: string | undefined; readonly agg: string | undefined };
}

/** Topics that are remembered. */
const MAX_KNOWN = 65_536;

export class TopicRules {
  #known = new Map<string, KnownTopic>();

  /** Undefined: the client may publish this. */
  refusePublish(identity: ClientIdentity, { topic, payload, retain }: Publication): PublishFault | undefined {
    const known = this.#lookUp(topic);
    if (known === undefined) return "publish-denied";
    const { publish, retained, maxBytes } = known.definition;
    const rule = permitting(publish, known, identity);
    if (rule === undefined) return "publish-denied";
    if (retain && retained !== true) return "retain-denied";
    return payload.length > (rule.maxBytes ?? maxBytes) ? "payload-too-large" : undefined;
  }

  /** Asked again for each delivery, though every granted filter lies within what its client may receive. */
  mayReceive(identity: ClientIdentity, topic: string): boolean {
    const known = this.#lookUp(topic);
    if (known === undefined) return topic.startsWith(SYS_PREFIX) && isServer(identity);
    return permitting(known.definition.subscribe, known, identity) !== undefined;
  }

  /** The broker's counters are for servers; everything else is the table's. */
  maySubscribe(identity: ClientIdentity, filter: string): boolean {
    if (filter.startsWith(SYS_PREFIX)) return isServer(identity) && plainBelow(filter.slice(SYS_PREFIX.length));
    return maySubscribe(identity, filter);
  }

  #lookUp(topic: string): KnownTopic | undefined {
    const known = this.#known.get(topic);
    if (known !== undefined) return known;
    const parsed = parseTopic(topic);
    if (parsed === undefined) return undefined;
    const { meter, agg } = parsed.parameters;
    const fresh: KnownTopic = {
      definition: TOPICS[parsed.name],
      owners: { meter, agg: agg === undefined ? undefined : `a-${agg}` },
    };
    if (this.#known.size >= MAX_KNOWN) this.#known = new Map();
    this.#known.set(topic, fresh);
    return fresh;
  }
}

function permitting(rules: readonly Rule[], { owners }: KnownTopic, identity: ClientIdentity): Rule | undefined {
  return rules.find(
    ({ role, own, bulk }) =>
      role === identity.role && bulk === identity.bulk && (own === undefined || owners[own] === identity.id),
  );
}

/** Levels of counters, with `+` as a level and `#` as the last one. */
function plainBelow(rest: string): boolean {
  return /^(?:(?:[a-z0-9]+|\+)\/)*(?:[a-z0-9]+|\+|#)$/.test(rest);
}
