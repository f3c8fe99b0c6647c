import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  DEVICE_FLAGS,
  type DeviceFrame,
  encodeDeviceFrame,
  FrameDecoder,
  type HostFrame,
  parseHostFrame,
  SHARE_MESSAGE_HEAD,
} from "../link/index.ts";
import { FRAME_TYPES } from "../link/frames.ts";
import { DeviceRelay } from "./device-relay.ts";
import { OnlineAggregators } from "./online-aggregators.ts";

const METER = "m-001";
const SHARE = Uint8Array.from([...SHARE_MESSAGE_HEAD, ...new Uint8Array(50).fill(7)]);

/** A device at the far end of the line that answers every frame; the broker's connection is a list. */
class Rig {
  readonly heard: HostFrame[] = [];
  readonly published: { topic: string; payload: string; retain: boolean }[] = [];
  readonly refused: string[] = [];
  readonly identities: string[] = [];
  connected = true;
  answers = true;
  readonly online = new OnlineAggregators();
  meter = METER;
  flags: number = DEVICE_FLAGS.provisioned;
  readonly line: Duplex;
  readonly relay: DeviceRelay;
  readonly #decoder = new FrameDecoder();

  constructor(prepare: (rig: Rig) => unknown) {
    prepare(this);
    this.line = new Duplex({
      read: () => undefined,
      write: (chunk: Uint8Array, _encoding, done) => {
        for (const raw of this.#decoder.push(chunk)) this.#answer(parseHostFrame(raw));
        done();
      },
    });
    const isConnected = (): boolean => this.connected;
    this.relay = new DeviceRelay({
      meter: METER,
      line: this.line,
      online: this.online,
      link: {
        get connected() {
          return isConnected();
        },
        send: (topic, payload, { retain = false }, done) => {
          this.published.push({ topic, payload: Buffer.from(payload).toString("latin1"), retain });
          done();
        },
      },
      refused: (code) => this.refused.push(code),
      count: () => undefined,
      identity: ({ meter }) => this.identities.push(meter),
    });
  }

  #answer(frame: HostFrame): void {
    this.heard.push(frame);
    if (!this.answers) return;
    if (frame.kind === "ask" && frame.what === "identity") {
      this.say({ kind: "identity", flags: this.flags, fingerprint: new Uint8Array(16), meter: this.meter });
    }
    this.say({ kind: "reply", to: FRAME_TYPES[frame.kind], code: 0 });
  }

  say(frame: DeviceFrame): void {
    this.line.push(encodeDeviceFrame(frame));
  }

  hello(meter = METER): void {
    const challenge = new Uint8Array(16).fill(0xab);
    this.say({ kind: "hello", n: 3, t: 2, slotSeconds: 900, boot: 4, challenge, meter });
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await turn();
  }

  links(): { up: boolean; online: number }[] {
    return this.heard.flatMap((frame) => (frame.kind === "link" ? [{ up: frame.up, online: frame.online }] : []));
  }
}

async function rigOf(
  work: (rig: Rig) => Promise<void>,
  prepare: (rig: Rig) => unknown = () => undefined,
): Promise<void> {
  const rig = new Rig(prepare);
  try {
    await rig.settle();
    await work(rig);
  } finally {
    rig.relay.close();
    rig.line.destroy();
  }
}

test("a hello becomes the retained status, a share goes unchanged to its aggregator's topic", () =>
  rigOf(async (rig) => {
    rig.hello();
    rig.say({ kind: "share", aggregator: 2, message: SHARE });
    await rig.settle();
    assert.deepEqual(rig.published, [
      {
        topic: "wv/1/m/m-001/status",
        payload: JSON.stringify({ state: "online", challenge: "ab".repeat(16), boot: 4 }),
        retain: true,
      },
      { topic: "wv/1/m/m-001/share/2", payload: Buffer.from(SHARE).toString("latin1"), retain: false },
    ]);
  }));

test("acks go down the line one at a time, each after the reply to the one before", () =>
  rigOf(async (rig) => {
    rig.answers = false;
    for (const agg of [1, 2, 3]) rig.relay.onMessage(`wv/1/a/${agg}/ack/m-001`, Uint8Array.of(agg, 0, 9));
    await rig.settle();
    const acks = (): number[] => rig.heard.flatMap((frame) => (frame.kind === "ack" ? [frame.aggregator] : []));
    assert.deepEqual(acks(), [1]);
    rig.answers = true;
    rig.say({ kind: "reply", to: FRAME_TYPES.ack, code: 0 });
    await rig.settle();
    assert.deepEqual(acks(), [1, 2, 3]);
  }));

test("the device is told of the link and of who is online, and again when it changes", () =>
  rigOf(async (rig) => {
    assert.deepEqual(rig.links(), [{ up: true, online: 0 }]);
    const status = (agg: number, state: string): void =>
      rig.relay.onMessage(`wv/1/a/${agg}/status`, Buffer.from(JSON.stringify({ state })));
    status(1, "online");
    status(3, "online");
    status(1, "offline");
    status(1, "offline");
    await rig.settle();
    rig.connected = false;
    rig.relay.linkChanged();
    await rig.settle();
    assert.deepEqual(rig.links().slice(1), [
      { up: true, online: 1 },
      { up: true, online: 5 },
      { up: true, online: 4 },
      { up: false, online: 0 },
    ]);
  }));

test("who was online before the line was opened is told as well", () =>
  rigOf(
    async (rig) => {
      await rig.settle();
      assert.deepEqual(rig.links(), [{ up: true, online: 2 }]);
    },
    (rig) => rig.online.take(2, Buffer.from(JSON.stringify({ state: "online" }))),
  ));

test("another meter's device, and one without keys, are not relayed", async () => {
  await rigOf(
    async (rig) => {
      rig.hello("m-002");
      rig.say({ kind: "share", aggregator: 1, message: SHARE });
      rig.relay.onMessage("wv/1/a/1/ack/m-001", Uint8Array.of(1));
      await rig.settle();
      assert.deepEqual(rig.published, []);
      assert.deepEqual(rig.links(), []);
      assert.deepEqual(rig.refused, ["other-meter", "other-meter", "no-device", "no-device"]);
      assert.deepEqual(rig.identities, ["m-002"]);
    },
    (rig) => (rig.meter = "m-002"),
  );
  await rigOf(
    async (rig) => {
      await rig.settle();
      assert.deepEqual(rig.refused, ["not-provisioned"]);
      assert.deepEqual(rig.links(), []);
    },
    (rig) => {
      rig.flags = 0;
      rig.meter = "";
    },
  );
});

test("what is too long for a device, noise, unknown frames and bad states are counted", () =>
  rigOf(async (rig) => {
    rig.relay.onMessage("wv/1/a/1/ack/m-001", new Uint8Array(197));
    rig.relay.onMessage("wv/1/a/1/status", Buffer.from("up"));
    rig.relay.onMessage("wv/1/a/1/ack/m-002", Uint8Array.of(1));
    rig.line.push(Uint8Array.of(1, 2, 3, 0));
    rig.line.push(encodeDeviceFrame({ kind: "reply", to: 0x82, code: 0 }));
    await rig.settle();
    assert.deepEqual(rig.refused, ["ack-too-long", "bad-status", "noise", "stray-reply"]);
  }));

test("a device that does not answer holds nothing up for ever: a full queue loses the oldest", () =>
  rigOf(async (rig) => {
    rig.answers = false;
    for (let i = 0; i < 100; i++) rig.relay.onMessage("wv/1/a/1/ack/m-001", Uint8Array.of(1, i));
    await rig.settle();
    assert.equal(rig.refused.filter((code) => code === "line-busy").length, 100 - 1 - 64);
  }));
