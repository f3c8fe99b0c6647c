/** A D0 meter that speaks only when asked, behind a real serial driver: asked again and again, silent, garbled, pulled out. */
// needs: socat
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol } from "../../config/enrolment/index.ts";
import { ownReadings } from "../agent/household.ts";
import { d0Block, IDENTIFICATION, LINES } from "../readers/testing/d0-telegrams.ts";
import { EXAMPLE_STATE } from "../readers/testing/meter-state.ts";
import { realMeter } from "./real-meter.ts";
import { openSerialPort } from "./serial-port.ts";
import { PtyCable, until } from "./testing/pty.ts";
import { StationRig } from "./testing/station-rig.ts";

const SLOT = 900;
const METER = "m-001";
const ROOT = mkdtempSync(join(tmpdir(), "wv-sign-on-"));

before(() => enrol({ data: ROOT, meters: [{ meter: METER, feeder: "f-1" }], simulation: false }));
after(() => rmSync(ROOT, { recursive: true, force: true }));

/** Answers at the far end of a cable, as IEC 62056-21 asks in mode C. */
class AskedMeter {
  registerWh = 1_581_123;
  /** What it does when it is asked. */
  mood: "answers" | "mute" | "refuses" | "garbles" = "answers";
  asked = 0;
  #heard = "";

  async listen(cable: PtyCable): Promise<void> {
    (await cable.far()).on("data", (chunk: Buffer) => {
      this.#heard += chunk.toString("latin1");
      if (this.#heard.endsWith("/?!\r\n")) this.#request(cable);
      else if (/\x060[0-6]0\r\n$/.test(this.#heard)) this.#readout(cable);
    });
  }

  #request(cable: PtyCable): void {
    this.#heard = "";
    this.asked += 1;
    const answers = { answers: `/${IDENTIFICATION}\r\n`, mute: "", refuses: "\x15", garbles: "U\xff\x80".repeat(60) };
    void cable.send(Buffer.from(answers[this.mood], "latin1"));
  }

  #readout(cable: PtyCable): void {
    this.#heard = "";
    void cable.send(d0Block(LINES.short({ ...EXAMPLE_STATE, importWh: [this.registerWh, 0] })));
  }
}

test("a meter that is asked every while is read, through silence, refusals, garbage and a cable that is pulled out", async () => {
  const cable = new PtyCable();
  await cable.plugIn();
  const meter = new AskedMeter();
  await meter.listen(cable);
  const bauds: number[] = [];
  const rig = new StationRig({
    data: ROOT,
    settings: { port: cable.port, kind: "d0", meter: METER, signOn: true },
    configure: (config) => ({ ...config, gateway: { ...config.gateway, askSeconds: 0.01 } }),
    open: async (path, rate) => {
      const line = await openSerialPort(path, rate);
      bauds.push(rate.baudRate);
      return { ...line, setBaud: (baud) => (bauds.push(baud), line.setBaud(baud)) };
    },
  });
  const warnings: string[] = [];
  const warned = ({ message }: Error): void => void warnings.push(message);
  process.on("warning", warned);
  const first = rig.now / SLOT;
  const heardOnce = async (): Promise<void> => {
    // What was under way when the register moved may still show the one before.
    const heard = rig.counter("telegrams");
    await until(() => rig.counter("telegrams") >= heard + 2, "two telegrams");
  };
  /** Time passes, a watt-hour a second. */
  const pass = async (seconds: number): Promise<void> => {
    rig.now += seconds;
    meter.registerWh += seconds;
    await heardOnce();
  };
  rig.start(realMeter("d0"));
  try {
    await heardOnce();
    for (const seconds of [430, 440, 30]) await pass(seconds);
    // More often than a stream bears listeners that nobody takes away.
    await until(() => meter.asked > 15, "more questions");
    assert.deepEqual(bauds.slice(0, 5), [300, 300, 9_600, 300, 9_600], "asked at 300 baud, read at the meter's speed");
    for (const [mood, code] of [
      ["refuses", "rejected"],
      ["mute", "silent"],
      ["garbles", "malformed"],
    ] as const) {
      meter.mood = mood;
      const before = rig.refused(code);
      await until(() => rig.refused(code) > before, `${mood}: ${code}`);
    }
    meter.mood = "answers";
    await pass(430);
    await cable.unplug();
    await until(() => rig.refused("port-gone") === 1, "the port to be gone");
    rig.now += 440;
    meter.registerWh += 440;
    await cable.plugIn();
    await meter.listen(cable);
    await heardOnce();
    await pass(30);
  } finally {
    await rig.stop();
    await cable.close();
    process.off("warning", warned);
  }
  assert.deepEqual(
    ownReadings(ROOT, METER, SLOT).map(({ slotStart, energyWh }) => [slotStart / SLOT - first, energyWh]),
    [
      [0, SLOT],
      [1, SLOT],
    ],
  );
  assert.deepEqual(warnings, [], "nothing piles up on the port");
  assert.ok(meter.asked > 18 && rig.logText().split("\n").length < 30, "what repeats is a sum");
});
