// needs: cc valgrind
/**
 * Constant behaviour: keys and pulses are marked undefined, and memcheck complains of every branch and index that depends
 * on them. What is derived from them counts as secret until the core says WV_PUBLIC, and why.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { modelSystem, readingsOf } from "./testing/aggregators.ts";
import { HostDevice } from "./testing/device.ts";
import { Driver } from "./testing/driver.ts";
import { Street } from "./testing/street.ts";

const FAULT = 97;
const VALGRIND = ["valgrind", "--quiet", "--leak-check=no", `--error-exitcode=${FAULT}`];
const BOUNDARY = 1_930_560 * 900;

void test("no branch and no index of a device's day depends on its keys or its pulses", {
  timeout: 600_000,
}, async () => {
  for (const [n, t] of [
    [3, 2],
    [5, 3],
  ] as const) {
    const system = modelSystem(n, t);
    const device = new HostDevice(await Driver.start("marked", VALGRIND));
    const street = await Street.create(BOUNDARY - 20, system, device);
    await device.driver.ask("secret");
    street.stride = 10;
    await street.run(2 * 900 + 60, () => 10);
    await street.restart(900);
    await device.driver.ask("secret");
    await street.run(2 * 900 + 60, () => 10);
    // The identity shows the fingerprint of all keys; acks under a wrong key end in a comparison of tags.
    await street.say({ kind: "ask", what: "identity" });
    await street.say({ kind: "ack", aggregator: 1, message: system.aggregators[1]!.ackOf([], street.now) });
    assert.deepEqual(
      [...readingsOf(system).keys()].map((cell) => cell[0]),
      ["1", "1", "3", "1"],
    );
    const { code, complaint } = await device.driver.stop();
    assert.equal(code, 0, complaint);
  }
});

void test("single functions show nothing of secrets, at any threshold", { timeout: 600_000 }, async () => {
  const driver = await Driver.start("marked", VALGRIND);
  const key = "07".repeat(32);
  await driver.ask(`secrets on`);
  for (const t of [1, 2, 3]) await driver.ask(`polynomial ${key} 1 1930560 0000000000000384 ${t} 5`);
  await driver.ask(`block ${key} 1 000000000000000000000000`);
  await driver.ask(`seal ${key} 000000000000000100000000 0102 ${"00".repeat(100)}`);
  await driver.ask(`open ${key} 000000000000000100000000 0102 ${"00".repeat(100)}`);
  await driver.ask("energy 123456 1600");
  const { code, complaint } = await driver.stop();
  assert.equal(code, 0, complaint);
});

for (const how of ["branch", "index"]) {
  void test(`the test sees a function that leaks a key by ${how === "branch" ? "a branch" : "an index"}`, async () => {
    const driver = await Driver.start("marked", VALGRIND);
    await driver.ask("secret");
    await driver.ask(`leak ${how}`);
    const { code, complaint } = await driver.stop();
    assert.equal(code, FAULT, complaint);
    assert.match(complaint, how === "branch" ? /depends on uninitialised/ : /Use of uninitialised value/);
    assert.match(complaint, /leak/);
  });
}
