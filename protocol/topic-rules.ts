/** Who may publish, receive and subscribe what: the rules of the topic table, as the broker asks for them. */
import { type ClientIdentity, COMPILED, LEVEL, parseTopic, type Rule, type TopicParameters, TOPICS } from "./topics.ts";

/** Is this value of a parameter the client's own? Aggregator `a-2` owns `2`. A wildcard is nobody's. */
function owns(identity: ClientIdentity, value: string | undefined): boolean {
  if (value === undefined || value === "+") return false;
  return identity.id === (identity.role === "aggregator" ? `a-${value}` : value);
}

function allowed(rules: readonly Rule[], identity: ClientIdentity, parameters: Partial<TopicParameters>): boolean {
  return rules.some(
    ({ role, own, bulk }) =>
      role === identity.role && bulk === identity.bulk && (own === undefined || owns(identity, parameters[own])),
  );
}

/** May this client publish to this concrete topic? */
export function mayPublish(identity: ClientIdentity, topic: string): boolean {
  const parsed = parseTopic(topic);
  return parsed !== undefined && allowed(TOPICS[parsed.name].publish, identity, parsed.parameters);
}

/** May this client receive what is published on this concrete topic? */
export function mayReceive(identity: ClientIdentity, topic: string): boolean {
  const parsed = parseTopic(topic);
  return parsed !== undefined && allowed(TOPICS[parsed.name].subscribe, identity, parsed.parameters);
}

const PUBLIC_LEVELS = ["wv", "1", "pub"];

/** Everything below `wv/1/pub/` is for anyone, so `#` is granted at any depth of it. */
function isPublicFilter(levels: readonly string[]): boolean {
  const between = levels.slice(PUBLIC_LEVELS.length, -1);
  if (levels.at(-1) !== "#" || !PUBLIC_LEVELS.every((level, i) => levels[i] === level)) return false;
  return between.every((level) => level === "+" || LEVEL.test(level));
}

/**
 * May this client subscribe with this filter? Granted only where everything the filter can match is allowed:
 * `+` stands only for a parameter, an "own" parameter must be spelled out, and `#` only below `wv/1/pub/`.
 */
export function maySubscribe(identity: ClientIdentity, filter: string): boolean {
  const given = filter.split("/");
  if (isPublicFilter(given)) return identity.bulk !== true;
  return COMPILED.some(({ name, levels }) => {
    if (levels.length !== given.length) return false;
    const parameters: Record<string, string> = {};
    const contained = levels.every((level, i) => {
      const value = given[i] ?? "";
      if (!level.startsWith("<")) return level === value;
      if (value !== "+" && !LEVEL.test(value)) return false;
      parameters[level.slice(1, -1)] = value;
      return true;
    });
    return contained && allowed(TOPICS[name].subscribe, identity, parameters);
  });
}
