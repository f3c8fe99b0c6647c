// needs: cc
/**
 * The power fails at every single EEPROM write of a device's day, the cell left in every possible way; and at random,
 * again and again. No nonce comes twice (the aggregators see to that), nothing is counted twice, little is lost.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { type ModelSystem, modelSystem, readingsOf } from "./testing/aggregators.ts";
import { CUTS, type HostDevice } from "./testing/device.ts";
import { Street } from "./testing/street.ts";

const SLOT_SECONDS = 60;
const BOUNDARY = 1_930_560 * 900;
const STEP = 5;
const CHECKPOINT = 16;
const BEFORE_BASE = 20;
const HOWS = Object.values(CUTS);

/** One pulse a second; what reached the device by the end of each second. */
class Pulses {
  readonly #delivered = new Map<number, number>();
  #total = 0;

  constructor(street: Street) {
    street.step = this.#watch(street, street.step.bind(street));
  }

  /** Pulses that reached a device with power in seconds (from, to]. */
  between(from: number, to: number): number {
    return (this.#delivered.get(to) ?? this.#total) - (this.#delivered.get(from) ?? 0);
  }

  #watch(street: Street, step: () => Promise<void>): () => Promise<void> {
    return async () => {
      await street.device.pulses(STEP);
      this.#total += STEP;
      this.#delivered.set(street.now, this.#total);
      await step();
    };
  }
}

async function begin(context: TestContext, system: ModelSystem, device?: HostDevice): Promise<Street> {
  const settings = { ...system.provisioning, slotSeconds: SLOT_SECONDS, checkpoint: CHECKPOINT };
  const street = await Street.create(BOUNDARY - BEFORE_BASE, { ...system, provisioning: settings }, device);
  street.stride = STEP;
  context.after(() => street.device.driver.stop());
  return street;
}

/** What the aggregators hold is what was counted, once: at most `lossBound` pulses less than came. */
function checkTotals(system: ModelSystem, pulses: Pulses, base: number, lossBound: number, what: string): void {
  for (const { conflicts, index } of system.aggregators) assert.equal(conflicts, 0, `${what}: conflicts at ${index}`);
  const readings = readingsOf(system);
  assert.ok(readings.size > 0, `${what}: there are readings`);
  const last = Math.max(...[...readings.keys()].map((cell) => Number(cell.split(":")[1])));
  const total = [...readings.values()].reduce((sum, wh) => sum + wh, 0);
  const came = pulses.between(base, (last + 1) * SLOT_SECONDS);
  assert.ok(total <= came, `${what}: counted ${total}, of ${came}`);
  assert.ok(total >= came - lossBound, `${what}: counted ${total}, of ${came}`);
}

/** The number of EEPROM writes of a day without a cut, from its start and from its base on. */
async function measure(context: TestContext): Promise<{ base: number; end: number }> {
  const street = await begin(context, modelSystem());
  const start = street.device.writes;
  new Pulses(street);
  await street.run(BEFORE_BASE + STEP);
  const base = street.device.writes;
  await street.run(4 * SLOT_SECONDS);
  return { base: base - start, end: street.device.writes - start };
}

/** Runs a day with one cut; the device comes back after `off` seconds. */
async function cutDay(context: TestContext, write: number, how: (typeof HOWS)[number], off: number) {
  const system = modelSystem();
  const street = await begin(context, system);
  const pulses = new Pulses(street);
  await street.device.cutAt(write, how);
  await street.run(BEFORE_BASE + 5 * SLOT_SECONDS);
  assert.ok(street.device.isOff, `the power fails at write ${write}`);
  await street.restart(off);
  await street.run(4 * SLOT_SECONDS);
  const { pending, damaged, flags } = await street.status();
  assert.equal(pending, 0);
  assert.equal(damaged, 0, "a torn write is no damage");
  assert.equal(flags & (16 | 32), 0);
  await street.device.driver.stop();
  return { system, pulses };
}

void test("after its base, a cut at any write loses at most the stated pulses", {
  timeout: 600_000,
}, async (context) => {
  const { base, end } = await measure(context);
  assert.ok(end - base > 200, `a day writes enough: ${end - base}`);
  for (let write = base + 1; write <= end; write++) {
    const hows = write % 4 === 0 ? HOWS : [HOWS[write % 4]!];
    for (const how of hows) {
      const off = (write * 7) % 3 === 0 ? 0 : ((write * 5) % 40) * STEP;
      const { system, pulses } = await cutDay(context, write, how, off);
      checkTotals(system, pulses, BOUNDARY, CHECKPOINT, `write ${write}, cell ${how}`);
    }
  }
});

void test("before its base, a cut at any write repeats and double counts nothing", {
  timeout: 600_000,
}, async (context) => {
  const { base } = await measure(context);
  for (let write = 1; write <= base; write++) {
    for (const how of HOWS) {
      const { system, pulses } = await cutDay(context, write, how, 0);
      checkTotals(system, pulses, BOUNDARY, Number.POSITIVE_INFINITY, `write ${write}, cell ${how}`);
    }
  }
});

void test("cut again and again at random, each cut costs at most the stated pulses", {
  timeout: 600_000,
}, async (context) => {
  for (let seed = 1; seed <= 90; seed++) {
    let state = seed;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const system = modelSystem(3, 2, seed);
    const street = await begin(context, system);
    const pulses = new Pulses(street);
    await street.run(BEFORE_BASE + STEP);
    const cuts = 12;
    for (let cut = 0; cut < cuts; cut++) {
      for (const aggregator of system.aggregators) aggregator.online = random(4) > 0;
      await street.device.cutAt(1 + random(120), HOWS[random(4)]!);
      await street.run(40 * SLOT_SECONDS);
      // Also in the middle of the start, several times in a row.
      for (let again = random(4); again > 0; again--) {
        await street.device.cutAt(1 + random(10), HOWS[random(4)]!);
        await street.restart();
      }
      await street.restart(random(30) * STEP);
    }
    for (const aggregator of system.aggregators) aggregator.online = true;
    await street.run(10 * SLOT_SECONDS);
    assert.equal((await street.status()).pending, 0);
    checkTotals(system, pulses, BOUNDARY, cuts * CHECKPOINT, `seed ${seed}`);
    await street.device.driver.stop();
  }
});
