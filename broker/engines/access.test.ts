/** The lists that are written for other brokers say the same as the rules that the embedded one asks for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mayPublish, mayReceive, maySubscribe } from "../../protocol/topic-rules.ts";
import { type ClientIdentity, ROLES, TOPICS } from "../../protocol/topics.ts";
import { accessOf, allAccess } from "./access.ts";
import { emqxFiles } from "./emqx.ts";
import type { EnginePlan } from "./plan.ts";

const IDENTITIES: readonly ClientIdentity[] = [
  { id: "m-001", role: "meter" },
  { id: "m-001", role: "meter", bulk: true },
  { id: "a-2", role: "aggregator" },
  ...ROLES.filter((role) => role !== "meter" && role !== "aggregator").map((role) => ({ id: role, role })),
];

/** Every pattern with each of these in every place: own names, those of others, plain ones. */
const VALUES = ["m-001", "m-002", "1", "2", "a-2", "f-1", "utility"];

function concrete(pattern: string): string[] {
  const at = pattern.search(/<[a-z]+>/);
  if (at < 0) return [pattern];
  return VALUES.flatMap((value) => concrete(pattern.replace(/<[a-z]+>/, value)));
}

/** MQTT 3.1.1, section 4.7, without the topics that begin with `$`. */
function matches(filter: string, topic: string): boolean {
  const levels = topic.split("/");
  const wanted = filter.split("/");
  if (wanted.at(-1) === "#") return wanted.slice(0, -1).every((level, i) => level === "+" || level === levels[i]);
  return wanted.length === levels.length && wanted.every((level, i) => level === "+" || level === levels[i]);
}

const TOPIC_NAMES = Object.values(TOPICS).flatMap(({ pattern }) => concrete(pattern));

test("clients may publish and receive exactly what the table allows", async (t) => {
  for (const identity of IDENTITIES) {
    await t.test(`${identity.id}${identity.bulk === true ? ", second connection" : ""}`, () => {
      const { publish, subscribe } = accessOf(identity);
      for (const topic of TOPIC_NAMES) {
        const sent = publish.some((filter) => matches(filter, topic));
        assert.equal(sent, mayPublish(identity, topic), `publish ${topic}`);
        // On the second connection of a meter nothing public is read, whatever is said of receiving.
        const allowed = mayReceive(identity, topic) && !(identity.bulk === true && topic.startsWith("wv/1/pub/"));
        const heard = subscribe.some((filter) => matches(filter, topic));
        assert.equal(heard, allowed, `receive ${topic}`);
      }
      for (const filter of subscribe) assert.ok(maySubscribe(identity, filter), filter);
    });
  }
});

test("a name that would mean something in a file of rules is refused", () => {
  for (const id of ["m-1\nuser utility", "m 1", '"', "+", "#", "m/1"]) assert.throws(() => allAccess([], [id]));
  assert.deepEqual(
    allAccess([], ["m-001"]).map(({ identity }) => identity.bulk === true),
    [false, true],
  );
});

test("EMQX, to which a user name is whatever a client without a certificate says, listens for certificates alone", () => {
  const node = { name: "emqx", host: "b1", tls: 8_883, bulk: 8_885, public: 1_883, client: 0, cluster: 0 };
  const files = emqxFiles({
    ...{ folder: "/f", user: "u", clusterSecret: "", keys: { certificate: "c", key: "k", authority: "a" } },
    settings: { maxConnections: 1, maxPacketBytes: 1, maxInFlight: 1 } as EnginePlan["settings"],
    ...{
      access: allAccess([{ id: "utility", role: "utility" }], []),
      anyone: accessOf({ id: "public", role: "public" }),
    },
    nodes: [node],
  });
  const listeners = files.get("emqx.conf")!.match(/^listeners\..*$/gm);
  assert.deepEqual(listeners, [
    ...["listeners.ssl.default {", "listeners.ssl.bulk {"],
    ...["tcp", "ws", "wss"].map((kind) => `listeners.${kind}.default.enable = false`),
  ]);
  assert.doesNotMatch(files.get("acl.conf")!, /ipaddr/);
});
