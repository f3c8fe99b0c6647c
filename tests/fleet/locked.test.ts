/**
 * Somebody else holds the database of a role, one role after another, while slots flow, and clocks jump by hours: the
 * role waits, or says which file is in use and is started again. Nothing is lost, nothing is counted twice.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { ClockSkew } from "../../config/runtime/clock-skew.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { connectLink } from "../../config/runtime/link.ts";
import { openParty } from "../../config/keys/index.ts";
import type { WallClockJump } from "../../firmware-sim/chaos/role-messages.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { signRecord } from "../../protocol/membership.ts";
import { topicOf } from "../../protocol/topics.ts";
import { FleetBed } from "./testing/bed.ts";
import { holdLock, type HeldLock } from "./testing/locks.ts";
import { storedCells } from "./testing/stored-cells.ts";

const ROLE_FAULTS = new URL("../../firmware-sim/chaos/role-faults.mjs", import.meta.url).href;
const HOUR = 3_600;
/** Jumps of the system's clock, by the slot of the day. */
const JUMPS: Readonly<Record<number, readonly [name: string, hours: number]>> = {
  2: ["a-1", 5],
  3: ["a-3", -7],
  4: ["utility", -9],
  7: ["a-1", -5],
  8: ["meters", 30],
  9: ["broker", 100],
  10: ["analytics", -11],
  12: ["utility", 9],
  13: ["api", 24],
  15: ["meters", -30],
  20: ["a-1", 0],
};

/** A role that does not end over its lock would be waited for without an end. */
const PATIENCE = { timeout: 300_000 };

/** Of each role the file that is in use is told, once, by the role itself. */
function fatalsOf(data: string): { party: string; msg: string }[] {
  return readFileSync(join(data, "logs", "system.log"), "utf8")
    .split("\n")
    .filter((line) => line.includes('"level":"fatal"'))
    .map((line) => JSON.parse(line) as { party: string; msg: string });
}

test("locked databases and jumping clocks of every role lose nothing and count nothing twice", PATIENCE, async (t) => {
  const locks = new Locks(t);
  const bed = await FleetBed.create(t, {
    set: { "api.enabled": true, "api.port": 0, "grid.enabled": true, "simulation.patienceSeconds": 120 },
    fleet: {
      nodeFlagsOf: () => ["--import", ROLE_FAULTS],
      onRestart: (name, reason) => {
        locks.ended(name, reason);
      },
      onSlot: (_slot, done) => {
        const [name, hours] = JUMPS[done] ?? [];
        if (name !== undefined && hours !== undefined) jump(name, hours);
        if (done === 5) locks.hold("a-2", file("a-2", "aggregator.db"));
        if (done === 11) {
          locks.hold("utility", file("utility", "utility.db"));
          locks.hold("analytics", file("analytics", "grid.db"));
        }
        if (done === 14) skewed();
      },
    },
  });
  const { supervisor } = bed.fleet;
  const file = (...parts: string[]): string => join(bed.data, ...parts);
  const jump = (name: string, hours: number): void => {
    supervisor.send(name, { type: "wall-clock", offsetSeconds: hours * HOUR } satisfies WallClockJump);
  };
  /** One aggregator's simulated time is six slots late: what it takes for the future waits, and is taken after that. */
  const skewed = (): void => {
    const tell = (slots: number): boolean =>
      supervisor.send("a-3", { type: "clock-skew", skewSeconds: slots * HOUR } satisfies ClockSkew);
    assert.equal(tell(-6), true);
    setTimeout(() => tell(0), 1_000).unref();
  };

  await bed.fleet.start();
  await bed.fleet.run();
  await locks.allEnded(["a-2", "utility", "analytics"]);
  await lockedApi(bed);
  await lockedBroker(bed, locks);
  const outcome = await bed.outcome({ patienceSeconds: 120 });

  assert.deepEqual(outcome.differences, []);
  assert.equal(outcome.billsExact && outcome.loadsExact && outcome.complete, true, JSON.stringify(outcome));
  assert.deepEqual([outcome.billsFinal, outcome.loadsFinal], [10, 2 * 24]);
  await bed.fleet.stop();
  const [first, second, third] = [1, 2, 3].map((index) => storedCells(bed.data, index));
  for (const cells of [second, third]) assert.deepEqual([...cells!.keys()].sort(), [...first!.keys()].sort());
  for (const cells of [first, second, third]) assert.ok([...cells!.values()].every(({ times }) => times === 1));

  const told = fatalsOf(bed.data).map(({ party, msg }) => `${party}: ${msg.replaceAll(bed.data, "")}`);
  const inUse = "is in use by another process; stop that one first";
  assert.deepEqual(told.toSorted(), [
    `a-2: /a-2/aggregator.db ${inUse}`,
    `analytics: /analytics/grid.db ${inUse}`,
    `broker: /broker/broker.db ${inUse}`,
    `utility: /utility/utility.db ${inUse}`,
  ]);
});

/** The HTTP interface answers that it is busy, lives on, and does what it is asked afterwards. */
async function lockedApi(bed: FleetBed): Promise<void> {
  const { address, accountsFile } = bed.fleet.api!;
  const { accounts } = JSON.parse(readFileSync(accountsFile, "utf8")) as {
    accounts: { name: string; password: string }[];
  };
  const signIn = (): Promise<Response> =>
    fetch(`${address}/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: accounts[0]!.name, password: accounts[0]!.password }),
    });
  const cookie = (await signIn()).headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const lock = holdLock(join(bed.data, "api", "api.db"));
  try {
    const answer = await signIn();
    assert.deepEqual([answer.status, ((await answer.json()) as { code: string }).code], [503, "busy"]);
    for (const path of ["/health", "/session", "/feeders"]) {
      const read = await fetch(`${address}${path}`, { headers: { cookie } });
      assert.equal(read.status, 200, `${path}, which needs no writing: ${await read.text()}`);
    }
  } finally {
    lock.release();
  }
  assert.equal((await signIn()).status, 200);
}

/** A broker that cannot store a record of the roll does not acknowledge it: who sent it knows, and sends it again. */
async function lockedBroker(bed: FleetBed, locks: Locks): Promise<void> {
  const party = openParty(join(bed.data, "keys", "authority"));
  const { id: meter, feeder } = bed.plan.source.meters[0]!;
  const { tls: port } = bed.fleet.ports;
  const file = join(bed.data, "broker", "broker.db");
  const serialOf = (): number => {
    const db = openDatabase(file, { synchronous: "NORMAL", readonly: true });
    try {
      return db.prepare<[string], number>("SELECT serial FROM members WHERE meter = ?").pluck().get(meter)!;
    } finally {
      db.close();
    }
  };
  const serial = serialOf() + 1;
  const record = signRecord({ meter, serial, keyVersion: 1, places: [{ feeder, from: 0, to: null }] }, party);
  const send = async (): Promise<void> => {
    const log = { info: () => {}, warn: () => {} };
    const link = await connectLink({ party, host: "127.0.0.1", port, subscriptions: [], onMessage: () => {}, log });
    await link.publish(topicOf("roll", {}), encodeCbor({ record, countersignatures: [] })).finally(() => link.close());
  };
  locks.hold("broker", file);
  await assert.rejects(send(), { name: "LinkError" });
  await locks.allEnded(["broker"]);
  await send();
  assert.equal(serialOf(), serial, "acknowledged, so stored");
}

/** Locks that are held until their role has ended over them. */
class Locks {
  readonly #held = new Map<string, HeldLock>();
  readonly #reasons = new Map<string, string[]>();
  #wake: () => void = () => {};

  constructor(t: TestContext) {
    t.after(() => {
      for (const lock of this.#held.values()) lock.release();
    });
  }

  hold(name: string, file: string): void {
    this.#held.set(name, holdLock(file));
  }

  ended(name: string, reason: string): void {
    this.#reasons.set(name, [...(this.#reasons.get(name) ?? []), reason]);
    this.#held.get(name)?.release();
    this.#wake();
  }

  /** Resolves when each has ended, with exit code 1, and once. */
  async allEnded(names: readonly string[]): Promise<void> {
    while (!names.every((name) => this.#reasons.has(name))) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    for (const name of names) assert.deepEqual(this.#reasons.get(name), ["exit code 1"], name);
  }
}
