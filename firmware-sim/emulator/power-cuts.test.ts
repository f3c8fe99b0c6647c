/**
 * A thousand power cuts at random cycles: in the first milliseconds, while it greets, while it closes a slot, writes its
 * EEPROM, seals and sends, and in between. Messages get lost besides. The seed is printed with what fails.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "../../protocol/units.ts";
import { loadFirmware } from "./firmware.ts";
import { keptState } from "./kept-state.ts";
import { heldTogether } from "./testing/held.ts";
import { seededRandom, virtualBed } from "./virtual-bed.ts";

const CUTS = 1_000;
const SEED = 20_250_115;
const SLOT_SECONDS = 60;
const CHECKPOINT = 16;
/** A pulse whose level had not been looked at twice when the supply failed is not counted yet. */
const UNDER_WAY = 1;
/** From power to an input that is looked at. */
const START_SECONDS = 0.5;

test(`${CUTS} power cuts: no nonce twice, no reading twice, at most ${CHECKPOINT} pulses lost by each`, () => {
  const random = seededRandom(SEED);
  const losing = seededRandom(SEED + 1);
  const { device, host, aggregators, now } = virtualBed({
    program: loadFirmware(),
    ...{ seed: 7, slotSeconds: SLOT_SECONDS, checkpoint: CHECKPOINT },
    isLost: () => losing() < 0.05,
  });
  const { machine, pulses } = device;
  let kept = 0;
  let begun = 0;
  for (let cut = 0; cut < CUTS; cut++) {
    host.linkUp();
    const seconds = sessionSeconds(random, now());
    if (seconds > START_SECONDS + 1) {
      const room = seconds - START_SECONDS;
      device.planPulses(Math.floor(Math.min(200, room * 4) * random()), START_SECONDS, room);
    }
    device.run(seconds);
    machine.powerDown();
    pulses.clear();
    const counted = pulses.begun - begun;
    begun = pulses.begun;
    const image = keptState(machine.eeprom.image())!.pulses;
    assert.ok(image <= kept + counted, `cut ${cut}: ${image} pulses from ${kept} and ${counted} more`);
    const lost = kept + counted - image;
    assert.ok(lost <= CHECKPOINT + UNDER_WAY, `cut ${cut} lost ${lost} pulses`);
    kept = image;
    device.run(random() < 0.1 ? 300 * random() : random());
    machine.powerUp();
  }
  host.linkUp();
  device.run(40 * SLOT_SECONDS);
  assert.deepEqual(
    aggregators.flatMap(({ faults }) => faults),
    [],
  );
  const cells = heldTogether(aggregators, 2);
  const energy = cells.reduce((sum, { energyWh }) => sum + energyWh, 0);
  // What was counted before the first boundary belongs to no slot.
  assert.ok(energy <= kept && energy >= kept - 200, `${energy} Wh of ${kept} pulses`);
  assert.ok(cells.some(({ kind }) => kind === KINDS.import) && cells.some(({ kind }) => kind === KINDS.catchup));
  const slots = cells.map(({ slot }) => slot);
  assert.equal(new Set(slots).size, slots.length, "a slot has both an import and a catch-up");
  assert.equal(machine.resets.power, CUTS + 1);
  assert.equal(machine.resets.watchdog, 0);
});

/** How long this time: some of the sessions end as they begin, some in the middle of closing a slot. */
function sessionSeconds(random: () => number, now: number): number {
  const which = random();
  const toBoundary = SLOT_SECONDS - (now % SLOT_SECONDS);
  if (which < 0.2) return 0.5 * random();
  if (which < 0.4) return 4 * random();
  if (which < 0.8) return toBoundary + 1.5 * random();
  return 3 * SLOT_SECONDS * random();
}
