/**
 * Who may publish and subscribe what, written out client by client from the topic table: what the embedded broker asks
 * for at every message, other brokers take as lists.
 */
import { meterId } from "../../protocol/names.ts";
import { type ClientIdentity, type Rule, TOPICS, type TopicDefinition } from "../../protocol/topics.ts";

/** One client and its MQTT topic filters; `+` stands for any one level. */
export interface Access {
  readonly identity: ClientIdentity;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Everything below it is for anyone. */
const PUBLIC_FILTER = "wv/1/pub/#";
const PUBLIC_PREFIX = PUBLIC_FILTER.slice(0, -1);

const PARAMETER = /<([a-z]+)>/g;

/** The filters of one client. A `public` identity is whoever reads on the loopback listener. */
export function accessOf(identity: ClientIdentity): Access {
  const definitions: readonly TopicDefinition[] = Object.values(TOPICS);
  const filters = (side: "publish" | "subscribe"): string[] => {
    const granted = definitions.flatMap(({ pattern, [side]: rules }) =>
      rules.filter((rule) => concerns(rule, identity)).map((rule) => filterFor(pattern, rule, identity)),
    );
    return [...new Set(granted)];
  };
  const subscribe = filters("subscribe").filter((filter) => !filter.startsWith(PUBLIC_PREFIX));
  return {
    identity,
    publish: filters("publish"),
    // As the embedded broker has it: the second connection of a meter reads nothing that is public.
    subscribe: identity.bulk === true ? subscribe : [...subscribe, PUBLIC_FILTER],
  };
}

/** Servers first, then the meters: each with its first connection and its second one. */
export function allAccess(servers: readonly ClientIdentity[], meters: readonly string[]): Access[] {
  const identities = meters.flatMap((text): ClientIdentity[] => {
    // What is written into files of others has no character that would mean something there.
    const id = meterId.parse(text);
    return [
      { id, role: "meter" },
      { id, role: "meter", bulk: true },
    ];
  });
  return [...servers, ...identities].map(accessOf);
}

function concerns({ role, bulk }: Rule, identity: ClientIdentity): boolean {
  return role === identity.role && bulk === identity.bulk;
}

function filterFor(pattern: string, { own }: Rule, { id, role }: ClientIdentity): string {
  const value = role === "aggregator" ? id.replace(/^a-/, "") : id;
  return pattern.replace(PARAMETER, (_, parameter: string) => (parameter === own ? value : "+"));
}

/** The subject of a party's certificate as RFC 2253 writes it, and as engines give it to their clients. */
export function subjectOf({ id, role }: ClientIdentity): string {
  return `CN=${id},OU=${role}`;
}
