/** Typed values to the bytes of a frame on the line. What does not fit is the caller's fault: a RangeError. */
import { meterId } from "../../protocol/names.ts";
import { encodeRawFrame } from "./frame-decoder.ts";
import {
  CHALLENGE_BYTES,
  type DeviceFrame,
  FINGERPRINT_BYTES,
  FRAME_TYPES,
  type HostFrame,
  PROTOCOL_VERSION,
  SHARE_MESSAGE_BYTES,
  SHARE_MESSAGE_HEAD,
  STATUS_BYTES,
  STATUS_COUNTERS,
} from "./frames.ts";

/** The bytes of a host's frame on the line. Throws RangeError when a value does not fit. */
export function encodeHostFrame(frame: HostFrame): Uint8Array {
  const type = FRAME_TYPES[frame.kind];
  switch (frame.kind) {
    case "link":
      return encodeRawFrame({ type, payload: Uint8Array.of(frame.up ? 1 : 0, assertByte("online", frame.online)) });
    case "ack":
      if (frame.message.length < 1) throw new RangeError("message: an ack is not empty");
      return encodeRawFrame({ type, payload: prefixed(assertByte("aggregator", frame.aggregator), frame.message) });
    case "provision":
      return encodeRawFrame({ type, payload: prefixed(assertByte("part", frame.part), frame.content) });
    case "ask":
      return encodeRawFrame({ type, payload: Uint8Array.of(FRAME_TYPES[frame.what]) });
  }
}

/** The bytes of a device's frame on the line, for emulators and tests. Throws RangeError when a value does not fit. */
export function encodeDeviceFrame(frame: DeviceFrame): Uint8Array {
  return encodeRawFrame({ type: FRAME_TYPES[frame.kind], payload: devicePayload(frame) });
}

function devicePayload(frame: DeviceFrame): Uint8Array {
  switch (frame.kind) {
    case "hello": {
      assertSize("challenge", frame.challenge, CHALLENGE_BYTES);
      const head = Buffer.alloc(9);
      head.set([PROTOCOL_VERSION, assertByte("n", frame.n), assertByte("t", frame.t)]);
      head.writeUInt16BE(frame.slotSeconds, 3);
      head.writeUInt32BE(frame.boot, 5);
      return Buffer.concat([head, frame.challenge, Buffer.from(meterId.parse(frame.meter))]);
    }
    case "share":
      assertSize("message", frame.message, SHARE_MESSAGE_BYTES);
      if (SHARE_MESSAGE_HEAD.some((byte, at) => frame.message[at] !== byte)) {
        throw new RangeError("message: it does not begin as share messages do");
      }
      return prefixed(assertByte("aggregator", frame.aggregator), frame.message.subarray(SHARE_MESSAGE_HEAD.length));
    case "status": {
      const payload = Buffer.alloc(STATUS_BYTES);
      payload[0] = assertByte("flags", frame.flags);
      payload.writeUInt32BE(frame.uptimeSeconds, 1);
      payload.writeUInt32BE(frame.time, 5);
      payload[9] = assertByte("sessions", frame.sessions);
      payload[10] = assertByte("pending", frame.pending);
      payload[11] = assertByte("capacity", frame.capacity);
      payload[12] = assertByte("checkpoint", frame.checkpoint);
      for (const [at, name] of STATUS_COUNTERS.entries()) payload.writeUInt16BE(frame[name], 13 + 2 * at);
      payload.writeUInt32BE(frame.start, 29);
      return payload;
    }
    case "identity": {
      assertSize("fingerprint", frame.fingerprint, FINGERPRINT_BYTES);
      const name = frame.meter === "" ? "" : meterId.parse(frame.meter);
      const head = Uint8Array.of(PROTOCOL_VERSION, assertByte("flags", frame.flags));
      return Buffer.concat([head, frame.fingerprint, Buffer.from(name)]);
    }
    case "reply":
      return Uint8Array.of(assertByte("to", frame.to), assertByte("code", frame.code));
  }
}

function prefixed(first: number, rest: Uint8Array): Uint8Array {
  const payload = new Uint8Array(1 + rest.length);
  payload[0] = first;
  payload.set(rest, 1);
  return payload;
}

function assertByte(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xff) {
    throw new RangeError(`${name}: expected an integer from 0 to 255, got ${value}`);
  }
  return value;
}

function assertSize(name: string, bytes: Uint8Array, size: number): void {
  if (bytes.length !== size) throw new RangeError(`${name}: expected ${size} bytes, got ${bytes.length}`);
}
