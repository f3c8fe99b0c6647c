// needs: cc
/** Time from sealed acks alone: what a gateway or an aggregator that lies about it can do, and what it cannot. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import fc from "fast-check";
import { DEVICE_FLAGS } from "../../link/index.ts";
import { type ModelSystem, modelSystem, readingsOf } from "./testing/aggregators.ts";
import { HostDevice } from "./testing/device.ts";
import { Street } from "./testing/street.ts";

const BOUNDARY = 1_930_560 * 900;
const FRESH_SECONDS = 60;

async function streetFor(context: TestContext, epoch: number, system: ModelSystem): Promise<Street> {
  const street = await Street.create(epoch, system);
  context.after(() => street.device.driver.stop());
  return street;
}

/** Seconds that the device's clock is ahead of the truth. */
async function errorOf(street: Street): Promise<number> {
  const { time, flags } = await street.status();
  assert.ok((flags & DEVICE_FLAGS.timeKnown) !== 0, "the time is known");
  return time - street.now;
}

/** A gateway that holds back what aggregators say, each ack for as long as `delayOf` says. */
function holdBack(street: Street, delayOf: (aggregator: number) => number): void {
  const held: { at: number; aggregator: number; message: Uint8Array }[] = [];
  const step = street.step.bind(street);
  let passing = false;
  street.onAck = (aggregator, message) => {
    const delay = delayOf(aggregator);
    if (passing || delay === 0) return true;
    held.push({ at: street.now + delay, aggregator, message });
    return false;
  };
  street.step = async () => {
    await step();
    const due = held.filter(({ at }) => at <= street.now);
    for (const ack of due) {
      held.splice(held.indexOf(ack), 1);
      passing = true;
      await street.ack(ack.aggregator, ack.message);
      passing = false;
    }
  };
}

void test("the clock follows the acks although its own oscillator is off by a hundredth", async (context) => {
  for (const drift of [0.01, -0.01]) {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 20, system);
    street.drift = drift;
    for (let slot = 0; slot < 8; slot++) {
      await street.run(900, () => 1);
      const error = await errorOf(street);
      assert.ok(Math.abs(error) <= 900 * 0.01 + 2, `drift ${drift}: ${error} s off`);
    }
    const readings = readingsOf(system);
    assert.equal(readings.size, 7);
    for (const wh of readings.values()) assert.ok(Math.abs(wh - 900) <= 20, `a slot of ${wh} s`);
  }
});

void test("a gateway that holds everything back makes the clock late by less than a minute", async (context) => {
  const street = await streetFor(context, BOUNDARY - 120, modelSystem());
  holdBack(street, () => 50);
  await street.run(900);
  const error = await errorOf(street);
  assert.ok(error <= 1 && error >= -FRESH_SECONDS, `${error} s off`);
});

void test("an answer held back for hours sets no clock; a renewed challenge does", async (context) => {
  const street = await streetFor(context, BOUNDARY - 20, modelSystem());
  let delay = 5 * 3600;
  holdBack(street, () => delay);
  await street.run(5 * 3600 - 10, () => 1);
  assert.equal((await street.status()).time, 0);
  // The answers of five hours ago arrive now: they open sessions, and no more.
  delay = 0;
  await street.run(300, () => 1);
  const { renewals, sessions } = await street.status();
  assert.equal(sessions, 7);
  assert.equal(renewals, 1);
  const error = await errorOf(street);
  assert.ok(Math.abs(error) <= 2, `${error} s off`);
});

void test("acks held back later move the clock nowhere", async (context) => {
  const street = await streetFor(context, BOUNDARY - 20, modelSystem());
  await street.run(100);
  holdBack(street, () => 3 * 3600);
  await street.run(8 * 3600, () => 1);
  const error = await errorOf(street);
  assert.ok(Math.abs(error) <= 2, `${error} s off`);
});

void test("fewer than t lying aggregators cannot move the clock", async (context) => {
  for (const lie of [3600 * 24 * 365, -3600 * 24 * 365, 900]) {
    const system = modelSystem();
    const liar = system.aggregators[1]!;
    const seal = liar.seal.bind(liar);
    liar.seal = (ack) => seal({ ...ack, time: ack.time + lie });
    const street = await streetFor(context, BOUNDARY - 20, system);
    await street.run(3 * 900 + 60, () => 1);
    const error = await errorOf(street);
    assert.ok(Math.abs(error) <= 2, `a lie of ${lie}: ${error} s off`);
    assert.equal(readingsOf(system).size, 3);
  }
});

void test("without t aggregators there is no time, and the energy comes out as catchup once there are", async (context) => {
  const system = modelSystem();
  const street = await streetFor(context, BOUNDARY - 20, system);
  await street.run(20 + 900 + 10, () => 1);
  system.aggregators[0]!.online = false;
  system.aggregators[2]!.online = false;
  await street.restart(0);
  await street.run(2 * 900, () => 1);
  assert.equal((await street.status()).time, 0);
  system.aggregators[0]!.online = true;
  await street.run(2 * 900, () => 1);
  assert.ok(Math.abs(await errorOf(street)) <= 2);
  const kinds = [...readingsOf(system).keys()].map((cell) => cell[0]);
  assert.deepEqual(kinds.sort(), ["1", "1", "3"]);
});

void test("whatever a gateway holds back, for however long, the clock stays within its bound", {
  timeout: 300_000,
}, async (context) => {
  const device = await HostDevice.create();
  context.after(() => device.driver.stop());
  const blank = new Uint8Array(1024).fill(0xff);
  const delays = fc.array(fc.oneof(fc.constant(0), fc.nat({ max: 59 }), fc.nat({ max: 4000 })), {
    minLength: 3,
    maxLength: 40,
  });
  await fc.assert(
    fc.asyncProperty(delays, fc.constantFrom(-0.005, 0, 0.005), async (plan, drift) => {
      await device.setEeprom(blank);
      const street = await Street.create(BOUNDARY - 300, modelSystem(), device);
      street.drift = drift;
      street.stride = 5;
      let next = 0;
      holdBack(street, () => plan[next++ % plan.length]!);
      for (let part = 0; part < 8; part++) {
        await street.run(600, () => 1);
        const { time } = await street.status();
        if (time === 0) continue;
        // What no fresh ack corrects is the device's own drift.
        const bound = FRESH_SECONDS + 5 + street.device.uptime * Math.abs(drift) + 2;
        assert.ok(Math.abs(time - street.now) <= bound, `${time - street.now} s off at ${street.device.uptime} s`);
      }
    }),
    { numRuns: 60, seed: 7 },
  );
});
