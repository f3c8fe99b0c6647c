/** The topic table: building and parsing, and that a granted filter never matches more than its client may receive. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mayPublish, mayReceive, maySubscribe } from "./topic-rules.ts";
import {
  type ClientIdentity,
  filterOf,
  parseTopic,
  ROLES,
  type TopicDefinition,
  TOPICS,
  topicOf,
  type TopicName,
} from "./topics.ts";

const meter: ClientIdentity = { role: "meter", id: "m-001" };
const bulk: ClientIdentity = { ...meter, bulk: true };
const other: ClientIdentity = { role: "meter", id: "m-002" };
const a1: ClientIdentity = { role: "aggregator", id: "a-1" };
const a2: ClientIdentity = { role: "aggregator", id: "a-2" };
const utility: ClientIdentity = { role: "utility", id: "utility" };
const analytics: ClientIdentity = { role: "analytics", id: "analytics" };
const authority: ClientIdentity = { role: "authority", id: "authority" };
const simulator: ClientIdentity = { role: "simulator", id: "simulator" };
const broker: ClientIdentity = { role: "broker", id: "broker" };
const anyone: ClientIdentity = { role: "public", id: "public" };
const api: ClientIdentity = { role: "api", id: "api" };
const everyone = [meter, bulk, other, a1, a2, utility, analytics, api, authority, simulator, broker, anyone];

/** All but a connection that carries ciphertexts and nothing else. */
const anybody = everyone.filter((identity) => identity !== bulk);

const NAMES = Object.keys(TOPICS) as TopicName[];
const LEVELS: Record<string, fc.Arbitrary<string>> = {
  meter: fc.constantFrom("m-001", "m-002", "x"),
  agg: fc.constantFrom("1", "2", "7"),
  feeder: fc.constantFrom("f-1", "f-2"),
  series: fc.constantFrom("load", "load-squares"),
  job: fc.constantFrom("j-1", "j-2"),
  round: fc.constantFrom("r-1", "2025-01-15-bill"),
  type: fc.constantFrom("manifest", "sums"),
  topic: fc.constantFrom("losses", "late"),
};

/** A topic of the table with names of parties that are in `everyone`, or not. */
const concreteTopic = fc.constantFrom(...NAMES).chain((name) => {
  const levels = TOPICS[name].pattern.split("/").map((level) => {
    return level.startsWith("<") ? LEVELS[level.slice(1, -1)]! : fc.constant(level);
  });
  return fc.tuple(...levels).map((parts) => parts.join("/"));
});

/** What a hostile client might subscribe to: levels of the table and wildcards, in any order and number. */
const anyFilter = fc.oneof(
  fc
    .array(
      fc.constantFrom("+", "#", "wv", "1", "m", "a", "u", "e", "c", "pub", "sim", "clock", "m-001", "share", "ack"),
      { minLength: 1, maxLength: 7 },
    )
    .map((levels) => levels.join("/")),
  concreteTopic.chain((topic) => {
    const levels = topic.split("/");
    return fc.tuple(...levels.map((level) => fc.constantFrom(level, level, "+")), fc.boolean()).map((parts) => {
      const names = parts.slice(0, -1) as string[];
      return parts.at(-1) === true ? [...names.slice(0, -1), "#"].join("/") : names.join("/");
    });
  }),
);

/** MQTT 3.1.1, section 4.7, written down without regard to the table. */
function filterMatches(filter: string, topic: string): boolean {
  const names = filter.split("/");
  const levels = topic.split("/");
  for (const [i, name] of names.entries()) {
    if (name === "#") return true;
    if (levels[i] === undefined || (name !== "+" && name !== levels[i])) return false;
  }
  return names.length === levels.length;
}

test("builds the topics of the protocol document", () => {
  assert.equal(topicOf("share", { meter: "m-001", agg: "2" }), "wv/1/m/m-001/share/2");
  assert.equal(topicOf("ack", { meter: "m-001", agg: "2" }), "wv/1/a/2/ack/m-001");
  assert.equal(topicOf("roundRequest", { round: "r-1", agg: "3" }), "wv/1/u/round/r-1/3");
  assert.equal(topicOf("roundAnswer", { round: "r-1", agg: "3", type: "sums" }), "wv/1/a/3/round/r-1/sums");
  assert.equal(topicOf("aggregatorStatus", { agg: "1" }), "wv/1/a/1/status");
  assert.equal(topicOf("enrolRequest", { agg: "1" }), "wv/1/e/enrol/1");
  assert.equal(topicOf("roll", {}), "wv/1/e/roll");
  assert.equal(topicOf("bill", { meter: "m-001" }), "wv/1/c/m-001/bill");
  assert.equal(topicOf("feederLoad", { feeder: "f-1" }), "wv/1/pub/feeder/f-1/load");
});

test("builds filters with + for what is left out", () => {
  assert.equal(filterOf("share", { agg: "2" }), "wv/1/m/+/share/2");
  assert.equal(filterOf("roundAnswer"), "wv/1/a/+/round/+/+");
  assert.equal(filterOf("simClock"), "wv/1/sim/clock");
});

test("refuses to build a topic from anything but one plain level", () => {
  for (const wrong of ["", "a/b", "+", "#", "a b", "ä", "a\0", "x".repeat(65), "../x", "$SYS"]) {
    if (wrong === "../x") continue;
    assert.throws(() => topicOf("bill", { meter: wrong }), RangeError, JSON.stringify(wrong));
    assert.throws(() => filterOf("bill", { meter: wrong }), RangeError, JSON.stringify(wrong));
  }
  assert.throws(() => topicOf("bill", { meter: "../x" }), RangeError);
  assert.throws(() => topicOf("bill", {} as { meter: string }), /^RangeError: meter: /);
});

test("parses what it builds", () => {
  fc.assert(
    fc.property(concreteTopic, (topic) => {
      const parsed = parseTopic(topic);
      assert.ok(parsed !== undefined);
      assert.equal(topicOf(parsed.name, parsed.parameters as never), topic);
    }),
  );
});

test("each topic belongs to one entry of the table", () => {
  fc.assert(
    fc.property(concreteTopic, (topic) => {
      const matching = NAMES.filter((name) => filterMatches(filterOf(name), topic));
      assert.deepEqual(matching, [parseTopic(topic)?.name]);
    }),
  );
});

test("finds no entry for topics outside the table", () => {
  for (const topic of [
    "",
    "/",
    "wv",
    "wv/1",
    "wv/2/m/m-001/share/1",
    "wv/1/m/m-001/share",
    "wv/1/m/m-001/share/1/",
    "wv/1/m//share/1",
    "/wv/1/m/m-001/share/1",
    "wv/1/m/m-001/share/+",
    "wv/1/m/#",
    "WV/1/m/m-001/share/1",
    "wv/1/m/m 1/share/1",
    "wv/1/m/m-001\0/share/1",
    "$SYS/broker/x",
    "constructor",
    "wv/1/__proto__/status",
  ]) {
    assert.equal(parseTopic(topic), undefined, topic);
    for (const identity of everyone) {
      assert.equal(mayPublish(identity, topic), false, `${identity.id} ${topic}`);
      assert.equal(mayReceive(identity, topic), false, `${identity.id} ${topic}`);
    }
  }
});

/** Who may publish and who may receive, each row written out by hand from the protocol document. */
const MATRIX: readonly (readonly [string, readonly ClientIdentity[], readonly ClientIdentity[]])[] = [
  ["wv/1/m/m-001/share/1", [meter], [a1]],
  ["wv/1/m/m-001/status", [meter], [utility, a1, a2]],
  ["wv/1/a/1/ack/m-001", [a1], [meter]],
  ["wv/1/a/1/status", [a1], [meter, other, a1, a2, utility, analytics, api, authority, simulator]],
  ["wv/1/u/round/r-1/1", [utility], [a1]],
  ["wv/1/a/1/round/r-1/sums", [a1], [utility]],
  ["wv/1/e/enrol/1", [authority], [a1]],
  ["wv/1/a/1/enrol/m-001", [a1], [authority]],
  ["wv/1/e/roll", [authority], [a1, a2, utility, analytics, authority, simulator, broker]],
  ["wv/1/e/customers", [authority], [utility]],
  ["wv/1/sim/clock", [simulator], anybody],
  ["wv/1/pub/feeder/f-1/load", [utility], anybody],
  ["wv/1/pub/grid/losses", [analytics], anybody],
  ["wv/1/api/grid/q-1", [api], [analytics]],
  ["wv/1/an/grid/q-1", [analytics], [api]],
  ["wv/1/pub/alert/late", [utility, api], anybody],
  ["wv/1/pub/log/checkpoint", [utility], anybody],
  ["wv/1/pub/analytics/f-1-sum", [utility], anybody],
  ["wv/1/m/m-001/he/load", [bulk], [analytics]],
  ["wv/1/m/m-001/digest/1", [meter], [a1]],
  ["wv/1/m/m-001/fl/r-1/1", [meter, bulk], [a1]],
  ["wv/1/an/ack/m-001", [analytics], [bulk]],
  ["wv/1/an/job/j-1/1", [analytics], [a1]],
  ["wv/1/a/1/job/j-1/need", [a1], [analytics]],
  ["wv/1/a/1/partial/j-1", [a1], [utility]],
  ["wv/1/an/output/j-1", [analytics], [utility]],
  ["wv/1/u/job/j-1", [utility], [analytics]],
  ["wv/1/pub/learn/announce", [analytics], anybody],
  ["wv/1/pub/learn/result", [utility], anybody],
  ["wv/1/pub/release/street", [utility], anybody],
  ["wv/1/c/m-001/bill", [utility], [meter]],
];

for (const [topic, publishers, receivers] of MATRIX) {
  test(`${topic}: published by ${ids(publishers)}, received by ${ids(receivers)}, and nobody else`, () => {
    for (const identity of everyone) {
      assert.equal(mayPublish(identity, topic), publishers.includes(identity), `publish ${identity.id}`);
      assert.equal(mayReceive(identity, topic), receivers.includes(identity), `receive ${identity.id}`);
      assert.equal(maySubscribe(identity, topic), receivers.includes(identity), `subscribe ${identity.id}`);
    }
  });
}

function ids(identities: readonly ClientIdentity[]): string {
  if (identities === anybody) return "everyone";
  return identities.map((identity) => (identity.bulk === true ? `${identity.id}.bulk` : identity.id)).join(", ");
}

test("the matrix has a row for every entry of the table", () => {
  assert.deepEqual(MATRIX.map(([topic]) => parseTopic(topic)?.name).sort(), [...NAMES].sort());
});

test("a granted filter matches nothing that its client may not receive", () => {
  fc.assert(
    fc.property(fc.constantFrom(...everyone), anyFilter, concreteTopic, (identity, filter, topic) => {
      if (!maySubscribe(identity, filter) || !filterMatches(filter, topic)) return;
      assert.ok(mayReceive(identity, topic), `${identity.id} has ${filter} and gets ${topic}`);
    }),
    { numRuns: 20_000 },
  );
});

test("every topic that a client may receive can be subscribed to by its own name", () => {
  fc.assert(
    fc.property(fc.constantFrom(...everyone), concreteTopic, (identity, topic) => {
      assert.equal(maySubscribe(identity, topic), mayReceive(identity, topic));
    }),
  );
});

test("wildcards stand for parameters, never for the client's own place or for literals", () => {
  assert.ok(maySubscribe(a1, "wv/1/m/+/share/1"));
  assert.ok(maySubscribe(meter, "wv/1/a/+/ack/m-001"));
  assert.ok(maySubscribe(utility, "wv/1/a/+/round/+/+"));
  assert.ok(maySubscribe(anyone, "wv/1/pub/feeder/+/load"));
  for (const identity of anybody) {
    for (const filter of ["wv/1/pub/#", "wv/1/pub/alert/#", "wv/1/pub/feeder/f-1/#", "wv/1/pub/+/#"]) {
      assert.ok(maySubscribe(identity, filter), `${identity.id} ${filter}`);
    }
  }

  const refused: readonly (readonly [ClientIdentity, string])[] = [
    [meter, "#"],
    [meter, "+/+/#"],
    [meter, "$SYS/#"],
    [meter, "wv/1/a/+/ack/+"],
    [meter, "wv/1/a/+/ack/m-002"],
    [meter, "wv/1/c/+/bill"],
    [meter, "wv/1/c/#"],
    [meter, "wv/+/pub/#"],
    [meter, "wv/1/pub/#/load"],
    [meter, "wv/1/pub/b ad/#"],
    [meter, "wv/1/#"],
    [meter, "wv/1/+/#"],
    [meter, "wv/1/a/1/ack/m-001/#"],
    [meter, "wv/1/a/1/+/m-001"],
    [a1, "wv/1/m/+/share/+"],
    [a1, "wv/1/m/+/share/2"],
    [a1, "wv/1/m/+/+/1"],
    [a1, "wv/1/m/#"],
    [a1, "wv/1/u/round/+/+"],
    [utility, "wv/1/m/+/share/1"],
    [utility, "wv/1/#"],
    [bulk, "wv/1/pub/#"],
    [bulk, "wv/1/an/ack/+"],
    [bulk, "wv/1/an/ack/m-002"],
    [bulk, "wv/1/an/#"],
    [meter, "wv/1/an/ack/m-001"],
    [analytics, "wv/1/m/+/+/1"],
    [analytics, "wv/1/m/+/share/1"],
    [analytics, "wv/1/m/+/digest/1"],
    [analytics, "wv/1/a/+/partial/+"],
    [analytics, "wv/1/a/+/round/+/+"],
    [utility, "wv/1/m/+/he/+"],
    [utility, "wv/1/a/+/job/+/+"],
    [a1, "wv/1/a/2/partial/+"],
    [a1, "wv/1/m/+/he/+"],
    [a1, "wv/1/an/job/+/2"],
    [a1, "wv/1/an/job/+/+"],
    [anyone, "#"],
    [anyone, "wv/1/m/+/status"],
    [anyone, "wv/1/e/roll"],
    [anyone, "wv/1/pub/#/x"],
    [anyone, "wv/1/pub"],
    [anyone, "wv/1/pub/+"],
  ];
  for (const [identity, filter] of refused)
    assert.equal(maySubscribe(identity, filter), false, `${identity.id} ${filter}`);
});

test("an aggregator owns its index, and only an aggregator does", () => {
  assert.equal(mayPublish({ role: "aggregator", id: "1" }, "wv/1/a/1/status"), false);
  assert.equal(mayPublish({ role: "aggregator", id: "a-a-1" }, "wv/1/a/1/status"), false);
  assert.equal(mayPublish({ role: "meter", id: "a-1" }, "wv/1/a/1/status"), false);
  assert.equal(mayPublish({ role: "meter", id: "1" }, "wv/1/a/1/status"), false);
  assert.equal(maySubscribe({ role: "aggregator", id: "a-+" }, "wv/1/m/+/share/+"), false);
});

test("only state that a late subscriber needs is retained, and it is small", () => {
  const retained = NAMES.filter((name) => (TOPICS[name] as TopicDefinition).retained === true);
  assert.deepEqual(retained.sort(), ["aggregatorStatus", "meterStatus"]);
  for (const name of retained) assert.ok(TOPICS[name].maxBytes <= 512);
});

test("nobody publishes as the broker or from the public listener", () => {
  for (const name of NAMES) {
    const roles = TOPICS[name].publish.map(({ role }) => role);
    assert.ok(!(roles as string[]).includes("public") && !(roles as string[]).includes("broker"), name);
  }
  assert.ok(ROLES.includes("public"));
});
