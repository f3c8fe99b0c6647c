import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { NodeHops, type NodeHopsOptions } from "./node-hops.ts";

/** Tells after which seconds of waiting a party leaves its node; each connection stands at once. */
function rig(options: Partial<NodeHopsOptions> = {}): { hops: NodeHops; wait: (seconds: number) => number[] } {
  let now = 1_000;
  const left: number[] = [];
  const hops = new NodeHops({
    ...{ nodes: 3, seconds: 30, expectsMessages: false, monotonic: () => now, ...options },
    go: () => {
      left.push(now / 1_000 - 1);
      hops.connected();
    },
  });
  hops.connected();
  const wait = (seconds: number): number[] => {
    for (const end = now + seconds * 1_000; now < end; now += 1_000) hops.waiting(() => true);
    return left.splice(0);
  };
  return { hops, wait };
}

describe("when a party tries the next node", () => {
  test("after it has waited in vain, and twice as long after each node that was no better", () => {
    assert.deepEqual(rig().wait(220), [30, 91, 212]);
  });

  test("at least once an hour", () => {
    const left = rig().wait(40_000);
    assert.equal(left.at(-1)! - left.at(-2)!, 3_601);
  });

  test("waits as at first once something came of it", () => {
    const { hops, wait } = rig();
    assert.deepEqual(wait(100), [30, 91]);
    hops.waiting(() => false);
    assert.deepEqual(wait(40), [130]);
  });

  test("never where there is one node, and then nobody is asked", () => {
    const { hops, wait } = rig({ nodes: 1 });
    assert.deepEqual(wait(1_000), []);
    hops.waiting(() => assert.fail("asked"));
  });

  test("not while no connection stands", () => {
    const { hops, wait } = rig();
    hops.disconnected();
    assert.deepEqual(wait(1_000), []);
  });
});
