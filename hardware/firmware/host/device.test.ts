// needs: cc
/** A whole device on the host, next to aggregators made of protocol/: readings, sessions, time, outages, provisioning. */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { ACK_CODES } from "../../../protocol/messages/ack-codes.ts";
import { DEVICE_FLAGS, type HelloFrame, provisioningFrames, REPLY_CODES } from "../../link/index.ts";
import { modelSystem, readingsOf } from "./testing/aggregators.ts";
import { HostDevice } from "./testing/device.ts";
import { Street } from "./testing/street.ts";

/** A boundary of quarter hours, some seconds before it. */
const BOUNDARY = 1_930_560 * 900;
const SLOT = BOUNDARY / 900;

async function streetFor(context: TestContext, epoch: number, system = modelSystem()): Promise<Street> {
  const street = await Street.create(epoch, system);
  context.after(() => street.device.driver.stop());
  return street;
}

const hellosOf = (street: Street): HelloFrame[] => street.frames.filter((frame) => frame.kind === "hello");
const sharesOf = (street: Street) => street.frames.filter((frame) => frame.kind === "share");

void describe("readings", () => {
  void test("come out slot by slot, exact to the pulse, the rest of a watt-hour carried over", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 20, {
      ...system,
      provisioning: { ...system.provisioning, pulsesPerKwh: 1600 },
    });
    const pulses = (time: number): number => (time < BOUNDARY ? 1 : time % 900 === 7 ? 101 : time % 3 === 0 ? 1 : 0);
    await street.run(20 + 5 * 900 + 10, pulses);
    // 401 pulses a slot at 1,600 a kWh; what came up to the first boundary belongs to none.
    const before = 21;
    const wh = (count: number): number => Math.floor((count * 1000) / 1600);
    const expected = new Map<string, number>();
    for (let slot = 0; slot < 5; slot++) {
      expected.set(`1:${SLOT + slot}`, wh(before + 401 * (slot + 1)) - wh(before + 401 * slot));
    }
    assert.deepEqual(readingsOf(system), expected);
    const { pending, flags } = await street.status();
    assert.equal(pending, 0);
    assert.equal(flags, DEVICE_FLAGS.provisioned | DEVICE_FLAGS.timeKnown | DEVICE_FLAGS.linkUp);
  });

  for (const [n, t] of [
    [1, 1],
    [2, 2],
    [5, 2],
    [5, 3],
  ] as const) {
    void test(`reach ${n} aggregators at a threshold of ${t}`, async (context) => {
      const system = modelSystem(n, t);
      const street = await streetFor(context, BOUNDARY - 5, system);
      await street.run(5 + 900 + 5, () => 1);
      assert.deepEqual(readingsOf(system), new Map([[`1:${SLOT}`, 900]]));
      for (const { cells } of system.aggregators) assert.equal(cells.size, 1);
      assert.deepEqual(
        street.replies.filter(({ code }) => code !== REPLY_CODES.done),
        [],
      );
    });
  }

  void test("of slots without power become one catchup with the slot of return", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    await street.run(5 + 900 + 300, () => 1);
    await street.restart(2 * 900);
    await street.run(900 + 5, () => 1);
    // 300 pulses were open when the power failed: 32 at most are lost.
    const readings = readingsOf(system);
    assert.deepEqual([...readings.keys()], [`1:${SLOT}`, `3:${SLOT + 3}`]);
    const lost = 300 + 600 - readings.get(`3:${SLOT + 3}`)!;
    assert.ok(lost >= 0 && lost <= 32, `lost ${lost}`);
  });

  void test("of a slot with a short power cut inside stay one reading of that slot", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    await street.run(5 + 300, () => 1);
    await street.restart(60);
    await street.run(900 - 360 + 5, () => 1);
    const wh = readingsOf(system).get(`1:${SLOT}`)!;
    assert.ok(wh <= 840 && wh >= 840 - 32, `got ${wh}`);
  });

  void test("stay on the device while no aggregator answers, and lose no energy when the ring is full", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    await street.run(30, () => 1);
    for (const aggregator of system.aggregators) aggregator.online = false;
    const { capacity } = await street.status();
    assert.equal(capacity, 39);
    await street.run((capacity + 3) * 900, (time) => (time % 10 === 0 ? 1 : 0));
    const full = await street.status();
    assert.equal(full.pending, capacity);
    assert.equal(full.flags & DEVICE_FLAGS.ringFull, DEVICE_FLAGS.ringFull);
    for (const aggregator of system.aggregators) aggregator.online = true;
    await street.run(900, (time) => (time % 10 === 0 ? 1 : 0));
    const readings = readingsOf(system);
    const catchups = [...readings].filter(([cell]) => cell.startsWith("3:"));
    assert.equal(catchups.length, 1);
    // 24 of the first 30 pulses came after the boundary; every tenth second from then on.
    const total = [...readings.values()].reduce((sum, wh) => sum + wh, 0);
    const slots = Math.max(...[...readings.keys()].map((cell) => Number(cell.split(":")[1]))) + 1 - SLOT;
    assert.equal(readings.size, capacity + 1);
    assert.equal(total, 24 + (slots * 900) / 10 - 2);
    assert.equal((await street.status()).pending, 0);
  });

  void test("make way when enough aggregators have them, and are counted as given up", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    await street.run(30);
    system.aggregators[2]!.online = false;
    await street.run(45 * 900, (time) => (time % 60 === 0 ? 1 : 0));
    const { givenUp, pending } = await street.status();
    assert.equal(pending, 39);
    assert.equal(givenUp, 45 - 39);
    assert.equal(readingsOf(system).size, 45);
    system.aggregators[2]!.online = true;
    await street.run(300);
    assert.equal(system.aggregators[2]!.cells.size, 39);
  });

  void test("are settled as gaps by conflict and closed, and sent again on request", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 20, system);
    const [one, two] = [system.aggregators[0]!, system.aggregators[1]!];
    await street.run(25);
    one.online = false;
    two.online = false;
    await street.run(900);
    const entry = { kind: 1, firstSlot: SLOT, count: 1 } as const;
    await street.ack(1, one.ackOf([{ ...entry, code: ACK_CODES.closed }], street.now));
    await street.ack(2, two.ackOf([{ ...entry, code: ACK_CODES.conflict }], street.now));
    const settled = await street.status();
    assert.deepEqual([settled.closed, settled.conflicts, settled.pending], [1, 1, 0]);
    one.online = true;
    await street.ack(1, one.ackOf([{ ...entry, count: 5, code: ACK_CODES.resend }], street.now));
    assert.equal((await street.status()).pending, 1);
    await street.run(40);
    assert.equal((await street.status()).pending, 0);
    assert.deepEqual([...one.cells.keys()], [`1:${SLOT}`]);
  });
});

void describe("sessions", () => {
  void test("begin with the hello's answer; before it nothing is sent", async (context) => {
    const street = await streetFor(context, BOUNDARY - 5);
    street.onAck = (aggregator) => aggregator === 2;
    await street.run(5 + 900 + 20, () => 1);
    assert.deepEqual(sharesOf(street), []);
    assert.ok(hellosOf(street).length > 100, "the hello is repeated");
    assert.equal(new Set(hellosOf(street).map(({ challenge }) => Buffer.from(challenge).toString("hex"))).size, 1);
  });

  void test("refuse an answer to the challenge of an earlier start, and a repeated ack", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    const acks: Uint8Array[] = [];
    street.onAck = (aggregator, message) => {
      if (aggregator === 1) acks.push(message);
      return true;
    };
    await street.run(5 + 900 + 5, () => 1);
    await street.restart();
    street.onAck = () => false;
    await street.sayLink(true);
    street.onAck = () => true;
    street.replies.length = 0;
    for (const message of acks) await street.ack(1, message);
    assert.deepEqual(
      street.replies.map(({ code }) => code),
      acks.map(() => REPLY_CODES.replayed),
    );
    assert.equal((await street.status()).sessions, 0);
    await street.run(10);
    street.replies.length = 0;
    for (const message of acks) await street.ack(1, message);
    assert.ok(street.replies.every(({ code }) => code === REPLY_CODES.replayed));
    assert.equal((await street.status()).refused, 2 * acks.length);
  });

  void test("name the highest boot ever granted, so that each start's is higher", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    system.aggregators[1]!.highestBoot = 4000;
    await street.run(5);
    const named: number[] = [];
    for (let start = 0; start < 3; start++) {
      await street.restart(10);
      await street.run(2);
      named.push(hellosOf(street).at(-1)!.boot);
    }
    assert.deepEqual(named, [4001, 4002, 4003]);
    const challenges = new Set(hellosOf(street).map(({ challenge }) => Buffer.from(challenge).toString("hex")));
    assert.equal(challenges.size, 4);
  });

  void test("refuse a grant that is not above the boot named, or so far that no other aggregator takes it", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    await street.run(2);
    await street.restart();
    street.onAck = () => false;
    await street.sayLink(true);
    street.onAck = () => true;
    const { challenge, boot } = hellosOf(street).at(-1)!;
    street.replies.length = 0;
    const one = system.aggregators[0]!;
    const grant = (granted: number) =>
      one.seal({
        time: street.now,
        highest: { boot: 0, counter: 0 },
        entries: [],
        hello: { challenge, boot: granted },
      });
    await street.ack(1, grant(boot));
    await street.ack(1, grant(boot + 65_537));
    await street.ack(1, grant(4_294_967_295));
    await street.ack(1, grant(boot + 1));
    assert.deepEqual(
      street.replies.map(({ code }) => code),
      [REPLY_CODES.replayed, REPLY_CODES.replayed, REPLY_CODES.replayed, REPLY_CODES.done],
    );
  });

  void test("are renewed with a new challenge when an online aggregator is silent", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    await street.run(30);
    street.onAck = (aggregator) => aggregator !== 1;
    await street.run(900 + 120, () => 1);
    const challenges = () =>
      new Set(hellosOf(street).map(({ challenge }) => Buffer.from(challenge).toString("hex"))).size;
    assert.equal(challenges(), 2);
    assert.equal((await street.status()).sessions, 0b110);
    street.onAck = () => true;
    await street.run(30);
    assert.equal((await street.status()).sessions, 0b111);
    assert.equal((await street.status()).pending, 0);
    assert.equal(system.aggregators[0]!.cells.size, 1);
  });

  void test("end before their counter wraps, and go on only after a new challenge", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    await street.run(30);
    await street.device.driver.ask("counter 1 4294967294");
    await street.run(3 * 900 + 120, () => 1);
    const boots = [...system.aggregators[0]!.nonces.keys()];
    assert.equal(boots[0], "1:4294967294");
    assert.match(boots[1]!, /^2:0$/);
    assert.equal(system.aggregators[0]!.cells.size, 3);
    assert.equal((await street.status()).pending, 0);
  });
});

void describe("provisioning", () => {
  async function blank(context: TestContext): Promise<HostDevice> {
    const device = await HostDevice.create();
    context.after(() => device.driver.stop());
    return device;
  }
  const { provisioning } = modelSystem();
  const { frames, fingerprint } = provisioningFrames(provisioning);
  const codeOf = async (device: HostDevice, index: number): Promise<number | undefined> =>
    (await device.say(frames[index]!)).find((frame) => frame.kind === "reply")?.code;

  void test("needs the jumper, every part, and the right fingerprint", async (context) => {
    const device = await blank(context);
    const [identity] = await device.boot();
    assert.deepEqual(identity, { kind: "identity", flags: 0, fingerprint: new Uint8Array(16), meter: "" });
    assert.equal(await codeOf(device, 0), REPLY_CODES.jumperMissing);
    await device.jumper(true);
    assert.equal(await codeOf(device, 1), REPLY_CODES.partsMissing);
    assert.equal(await codeOf(device, 0), REPLY_CODES.done);
    assert.equal(await codeOf(device, 3), REPLY_CODES.done);
    assert.equal(await codeOf(device, 4), REPLY_CODES.partsMissing);
    assert.equal(await codeOf(device, 1), REPLY_CODES.done);
    assert.equal(await codeOf(device, 2), REPLY_CODES.done);
    const wrong = { ...frames[4]!, content: fingerprint.map((byte) => byte ^ 1) };
    assert.deepEqual(await device.say(wrong), [{ kind: "reply", to: 0x83, code: REPLY_CODES.wrongFingerprint }]);
    assert.equal(await codeOf(device, 4), REPLY_CODES.done);
    const [said] = await device.say({ kind: "ask", what: "identity" });
    const flags = DEVICE_FLAGS.provisioned | DEVICE_FLAGS.jumper;
    assert.deepEqual(said, { kind: "identity", flags, fingerprint, meter: "m-001" });
  });

  void test("happens once: no part is taken from then on, jumper or not", async (context) => {
    const device = await blank(context);
    await device.boot();
    await device.provision(provisioning);
    const before = await device.eeprom();
    for (const jumper of [true, false]) {
      await device.jumper(jumper);
      for (const index of frames.keys()) assert.equal(await codeOf(device, index), REPLY_CODES.alreadyProvisioned);
    }
    assert.deepEqual(await device.eeprom(), before);
  });

  void test("refuses settings out of range", async (context) => {
    const device = await blank(context);
    await device.boot();
    await device.jumper(true);
    const good = frames[0]!.content;
    const change = (at: number, ...bytes: number[]): Uint8Array => {
      const changed = Uint8Array.from(good);
      changed.set(bytes, at);
      return changed;
    };
    const wrong: [string, Uint8Array][] = [
      ["n 0", change(0, 0)],
      ["n 6", change(0, 6)],
      ["t 0", change(1, 0)],
      ["t 4", change(1, 4)],
      ["t above n", change(0, 1, 2)],
      ["checkpoint 15", change(2, 15)],
      ["slotSeconds 0", change(3, 0, 0)],
      ["slotSeconds 3601", change(3, 0x0e, 0x11)],
      ["pulsesPerKwh 0", change(5, 0, 0, 0, 0)],
      ["pulsesPerKwh 1000001", change(5, 0, 0x0f, 0x42, 0x41)],
      ["resendSeconds 0", change(9, 0)],
      ["capital letter", change(42, 0x4d)],
      ["leading hyphen", change(42, 0x2d)],
    ];
    for (const [what, content] of wrong) {
      const said = await device.say({ kind: "provision", part: 0, content });
      assert.deepEqual(said, [{ kind: "reply", to: 0x83, code: REPLY_CODES.outOfRange }], what);
    }
    const short = await device.say({ kind: "provision", part: 0, content: good.subarray(0, 42) });
    assert.deepEqual(short, [{ kind: "reply", to: 0x83, code: REPLY_CODES.wrongLength }]);
    assert.deepEqual(await device.eeprom(), new Uint8Array(1024).fill(0xff));
  });

  void test("leaves a device blank when the power fails at any write before the end", async (context) => {
    const device = await blank(context);
    await device.boot();
    await device.jumper(true);
    const start = device.writes;
    for (const frame of frames) await device.say(frame);
    // The start that follows writes ten bytes of its own.
    const total = device.writes - start - 10;
    assert.ok(total > 44 + 32 + 192 + 10 + 4 - 1);
    for (let write = 1; write <= total; write += 7) {
      const another = await blank(context);
      await another.boot();
      await another.jumper(true);
      await another.cutAt(write, 2);
      for (const frame of frames) {
        await another.say(frame);
        if (another.isOff) break;
      }
      assert.ok(another.isOff);
      const [identity] = await another.boot();
      assert.ok(identity?.kind === "identity" && (identity.flags & DEVICE_FLAGS.provisioned) === 0, `write ${write}`);
      await another.provision(provisioning);
      const said = await another.say({ kind: "ask", what: "hello" });
      assert.equal(said[0]?.kind, "hello");
      await another.driver.stop();
    }
  });

  void test("leaves nothing of the keys in any frame that the device can be asked for", async (context) => {
    const device = await blank(context);
    await device.boot();
    await device.provision(provisioning);
    const secrets = [provisioning.polynomialKey, ...provisioning.peers.flatMap((peer) => [peer.shareKey, peer.ackKey])];
    for (let type = 0; type < 256; type++) {
      for (const payload of [[], [0], [1], [3], [5], [255], [0, 0], [1, 1]]) {
        const { encodeRawFrame } = await import("../../link/frame-decoder.ts");
        const said = await device.driver.ask(
          `rx ${Buffer.from(encodeRawFrame({ type, payload: Uint8Array.from(payload) })).toString("hex")}`,
        );
        for (const secret of secrets) {
          for (let at = 0; at + 4 <= secret.length; at++) {
            assert.ok(!said.includes(Buffer.from(secret.subarray(at, at + 4)).toString("hex")), `type ${type}`);
          }
        }
      }
    }
  });
});

void describe("damage", () => {
  void test("stops a device whose counters are all lost: nothing is guessed", async (context) => {
    const street = await streetFor(context, BOUNDARY - 5);
    await street.run(10);
    const image = await street.device.eeprom();
    image.fill(0, 80 + 3 * 64, 80 + 3 * 64 + 60);
    await street.device.setEeprom(image);
    const said = await street.device.boot();
    assert.equal(said.length, 1);
    assert.ok(said[0]?.kind === "identity" && (said[0].flags & DEVICE_FLAGS.stopped) !== 0);
    for (const what of ["hello", "link"] as const) {
      const frame =
        what === "hello" ? ({ kind: "ask", what } as const) : ({ kind: "link", up: true, online: 7 } as const);
      const [reply] = await street.device.say(frame);
      assert.ok(reply?.kind === "reply" && reply.code === REPLY_CODES.stopped);
    }
  });

  void test("stops a device whose settings or keys changed by a single bit", async (context) => {
    const street = await streetFor(context, BOUNDARY - 5);
    const image = await street.device.eeprom();
    for (const at of [4, 9, 17, 48, 79, 80, 150, 80 + 191]) {
      const damaged = Uint8Array.from(image);
      damaged[at]! ^= 0x10;
      await street.device.setEeprom(damaged);
      const [identity] = await street.device.boot();
      assert.ok(identity?.kind === "identity" && (identity.flags & DEVICE_FLAGS.stopped) !== 0, `byte ${at}`);
    }
  });

  void test("of the newest boundary makes a gap, never a second reading of the same energy", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    await street.run(5 + 2 * 900 + 20, () => 1);
    const ring = 80 + 3 * 64 + 156;
    const image = await street.device.eeprom();
    // Base, slot 0, slot 1: the third record is the newest, and both its readings are settled.
    image[ring + 2 * 15 + 6]! ^= 4;
    await street.device.setEeprom(image);
    await street.restart(0);
    await street.run(2 * 900, () => 1);
    const readings = readingsOf(system);
    assert.deepEqual(
      [...readings],
      [
        [`1:${SLOT}`, 900],
        [`1:${SLOT + 1}`, 900],
        [`1:${SLOT + 3}`, 900],
      ],
    );
    assert.equal((await street.status()).damaged, 1);
  });

  void test("of cells is worked around: a position that does not hold a record is skipped", async (context) => {
    const system = modelSystem();
    const street = await streetFor(context, BOUNDARY - 5, system);
    const rings = 80 + 3 * 64;
    for (const at of [rings + 23, rings + 60 + 9, rings + 156 + 2 * 15 + 3, rings + 156 + 3 * 15 + 14]) {
      await street.device.driver.ask(`stick ${at} 1 ${(await street.device.eeprom())[at]! & 1 ? 0 : 1}`);
    }
    await street.run(5 + 42 * 900 + 20, (time) => (time % 3 === 0 ? 1 : 0));
    const readings = readingsOf(system);
    assert.equal(readings.size, 42);
    assert.ok([...readings.values()].every((wh) => wh === 300));
    for (let start = 0; start < 8; start++) {
      await street.restart(0);
      await street.run(3);
    }
    assert.equal((await street.status()).sessions, 7);
  });
});
