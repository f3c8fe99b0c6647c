/** A gateway with a P1 meter over real pseudo-terminals: unplugging, garbage, wrong baud rates and an exchanged meter. */
// needs: socat
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol } from "../../config/enrolment/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { KINDS } from "../../protocol/units.ts";
import { ownReadings } from "../agent/household.ts";
import { type Gap, Outbox } from "../agent/outbox.ts";
import { EXAMPLE_STATE } from "../readers/testing/meter-state.ts";
import { p1Telegram, type P1Variant } from "../readers/testing/p1-telegrams.ts";
import { realMeter } from "./real-meter.ts";
import { openSerialPort, rateText } from "./serial-port.ts";
import { PtyCable, until } from "./testing/pty.ts";
import { StationRig, type StationRigOptions } from "./testing/station-rig.ts";

const SLOT = 900;
const EVERY = 30;
const ROOT = mkdtempSync(join(tmpdir(), "wv-session-"));

before(async () => {
  const meters = ["m-001", "m-002", "m-003"].map((meter) => ({ meter, feeder: "f-1" }));
  await enrol({ data: ROOT, meters, simulation: false });
});
after(() => rmSync(ROOT, { recursive: true, force: true }));

/** A meter at the far end of a cable that takes a watt-hour a second, and speaks when told. */
class SpeakingMeter {
  readonly rig: StationRig;
  readonly cable: PtyCable;
  readonly variant: P1Variant;
  registerWh = 1_000_000;
  /** The register at each boundary that was passed. */
  readonly truth = new Map<number, number>();

  constructor(rig: StationRig, cable: PtyCable, variant: P1Variant) {
    this.rig = rig;
    this.cable = cable;
    this.variant = variant;
  }

  bytes(): Uint8Array {
    const { now: time } = this.rig;
    return p1Telegram(this.variant, { ...EXAMPLE_STATE, time, importWh: [this.registerWh, 0], exportWh: [0, 0] });
  }

  pass(seconds: number): void {
    this.rig.now += seconds;
    this.registerWh += seconds;
    if (this.rig.now % SLOT === 0) this.truth.set(this.rig.now / SLOT, this.registerWh);
  }

  /** Lets time pass and speaks; waits until it was heard. */
  async speak(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds; passed += EVERY) {
      this.pass(EVERY);
      const heard = this.rig.counter("telegrams");
      await this.cable.send(this.bytes());
      await until(() => this.rig.counter("telegrams") > heard, "a telegram");
    }
  }

  silent(seconds: number): void {
    for (let passed = 0; passed < seconds; passed += EVERY) this.pass(EVERY);
  }
}

async function openRig(meter: string, variant: P1Variant, options: Partial<StationRigOptions> = {}) {
  const cable = new PtyCable();
  await cable.plugIn();
  const rig = new StationRig({ data: ROOT, settings: { port: cable.port, kind: "p1", meter }, ...options });
  const speaker = new SpeakingMeter(rig, cable, variant);
  rig.start(realMeter("p1"));
  await until(() => rig.counter("opened") > 0, "the port");
  return { cable, rig, speaker };
}

/** Gaps of import. */
function gapsOf(meter: string): Gap[] {
  const database = openDatabase(join(ROOT, meter, "meter.db"), { synchronous: "FULL" });
  const outbox = new Outbox(database);
  const gaps = outbox.gaps(outbox.boot(meter).number).filter(({ kind }) => kind === KINDS.import);
  database.close();
  return gaps;
}

test("through unplugging, garbage and an exchanged meter every reading is the register's, and the rest is gaps", async () => {
  const { cable, rig, speaker } = await openRig("m-001", "dsmr5");
  const first = rig.now / SLOT;
  try {
    await speaker.speak(2 * SLOT + 300);

    // Pulled out for more than a slot, in the middle of one.
    await cable.unplug();
    await until(() => rig.refused("port-gone") === 1, "the port to be gone");
    speaker.silent(2 * SLOT);
    await cable.plugIn();
    await until(() => rig.counter("opened") === 2, "the port to be back");
    await speaker.speak(2 * SLOT);

    // Garbage, telegrams that are cut off, and one whose checksum is wrong.
    for (let i = 0; i < 50; i++) {
      await cable.send(randomBytes(2_000));
      await cable.send(speaker.bytes().subarray(0, 100 + i));
    }
    const wrong = Uint8Array.from(speaker.bytes());
    wrong[wrong.indexOf(0x28) + 1]! ^= 1;
    await cable.send(wrong);
    await until(() => rig.refused("bad-crc") > 0, "the wrong checksum to be counted");
    await speaker.speak(2 * SLOT);

    // Another meter, which begins at nothing.
    speaker.registerWh = 0;
    await speaker.speak(2 * SLOT + EVERY);
  } finally {
    await rig.stop();
    await cable.close();
  }
  const readings = ownReadings(ROOT, "m-001", SLOT);
  const bySlot = new Map(readings.map((one) => [one.slotStart / SLOT, one]));
  const at = (slot: number): number => speaker.truth.get(slot) ?? Number.NaN;
  // Slots 0 and 1 were heard as a whole, 2 to 4 were not, then until the exchange in slot 8.
  for (const slot of [1, 5, 6, 7, 9]) {
    assert.equal(bySlot.get(first + slot)?.energyWh, at(first + slot + 1) - at(first + slot), `slot ${slot}`);
  }
  assert.equal(bySlot.get(first + 4)?.catchupWh, at(first + 5) - at(first + 2), "what came while nobody listened");
  const energy = readings.reduce((sum, { energyWh = 0, catchupWh = 0 }) => sum + energyWh + catchupWh, 0);
  const firstHeard = 1_000_000 + EVERY;
  assert.equal(
    energy,
    at(first + 8) - firstHeard + (at(first + 10) - at(first + 9)),
    "nothing twice, nothing invented",
  );
  assert.deepEqual(
    gapsOf("m-001").map(({ from, to, reason }) => [from - first, to - first, reason]),
    [
      [2, 5, "gap"],
      [8, 9, "reset"],
    ],
  );
  assert.ok(rig.logText().split("\n").length < 40, "a hundred faults are a few lines");
});

test("the baud rate is found, and found again when the meter is exchanged for another kind", async () => {
  const rates: string[] = [];
  const { cable, rig, speaker } = await openRig("m-002", "dsmr2.2", {
    open: (path, rate) => {
      rates.push(rateText(rate));
      return openSerialPort(path, rate);
    },
    configure: (config) => ({ ...config, gateway: { ...config.gateway, silentSeconds: 0.5 } }),
  });
  /** What arrives of a meter that speaks at `right`: garbage at any other rate. */
  const speakAt = async (right: string, variant: P1Variant): Promise<void> => {
    const heard = rig.counter("telegrams");
    const meter = new SpeakingMeter(rig, cable, variant);
    while (rig.counter("telegrams") < heard + 3) {
      speaker.pass(EVERY);
      meter.registerWh = speaker.registerWh;
      const opened = rig.counter("opened");
      const good = rates.at(-1) === right;
      await cable.send(good ? meter.bytes() : randomBytes(300));
      const before = rig.counter("bytes");
      await until(() => rig.counter("bytes") > before || rig.counter("opened") > opened, "bytes");
    }
  };
  try {
    await speakAt("9600 7E1", "dsmr2.2");
    // On a slow machine a rate is opened again before anything came.
    const tried = rates.filter((rate, at) => rate !== rates[at - 1]);
    assert.deepEqual(tried, ["115200 8N1", "9600 7E1"]);
    await speakAt("115200 8N1", "dsmr5");
    assert.equal(rates.at(-1), "115200 8N1");
  } finally {
    await rig.stop();
    await cable.close();
  }
});

test("a restart in the middle of a slot loses nothing of what the register knows", async () => {
  const { cable, rig, speaker } = await openRig("m-003", "dsmr4");
  const first = rig.now / SLOT;
  await speaker.speak(SLOT + 300);
  await rig.stop();
  speaker.silent(300);
  rig.start(realMeter("p1"));
  await until(() => rig.counter("opened") === 2, "the port");
  await speaker.speak(SLOT);
  await rig.stop();
  await cable.close();
  const readings = ownReadings(ROOT, "m-003", SLOT);
  assert.deepEqual(
    readings.map(({ slotStart, energyWh }) => [slotStart / SLOT - first, energyWh]),
    [
      [0, SLOT - EVERY],
      [1, SLOT],
    ],
  );
});
