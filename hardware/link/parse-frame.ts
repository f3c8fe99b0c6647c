/** Payloads to typed values. A payload that is not exactly what its type asks for is a FrameError. */
import { meterId } from "../../protocol/names.ts";
import { MAX_PAYLOAD_BYTES, type RawFrame } from "./frame-decoder.ts";
import {
  CHALLENGE_BYTES,
  type DeviceFrame,
  FINGERPRINT_BYTES,
  FrameError,
  type HostFrame,
  NAME_OF_TYPE,
  PROTOCOL_VERSION,
  SHARE_MESSAGE_BYTES,
  SHARE_MESSAGE_HEAD,
  STATUS_BYTES,
  STATUS_COUNTERS,
} from "./frames.ts";

/** What a device said. Throws FrameError. */
export function parseDeviceFrame({ type, payload }: RawFrame): DeviceFrame {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  switch (NAME_OF_TYPE.get(type)) {
    case "hello": {
      assertLength("hello", payload, 9 + CHALLENGE_BYTES + 1, 9 + CHALLENGE_BYTES + 32);
      assertVersion(payload[0]!);
      return {
        kind: "hello",
        n: payload[1]!,
        t: payload[2]!,
        slotSeconds: view.getUint16(3),
        boot: view.getUint32(5),
        challenge: payload.slice(9, 9 + CHALLENGE_BYTES),
        meter: meterOf(payload.subarray(9 + CHALLENGE_BYTES)),
      };
    }
    case "share":
      assertLength("share", payload, 1 + SHARE_MESSAGE_BYTES - SHARE_MESSAGE_HEAD.length);
      return {
        kind: "share",
        aggregator: payload[0]!,
        message: Uint8Array.from([...SHARE_MESSAGE_HEAD, ...payload.subarray(1)]),
      };
    case "status":
      assertLength("status", payload, STATUS_BYTES);
      return {
        kind: "status",
        flags: payload[0]!,
        uptimeSeconds: view.getUint32(1),
        time: view.getUint32(5),
        sessions: payload[9]!,
        pending: payload[10]!,
        capacity: payload[11]!,
        checkpoint: payload[12]!,
        ...(Object.fromEntries(STATUS_COUNTERS.map((name, at) => [name, view.getUint16(13 + 2 * at)])) as Record<
          (typeof STATUS_COUNTERS)[number],
          number
        >),
        start: view.getUint32(29),
      };
    case "identity": {
      assertLength("identity", payload, 2 + FINGERPRINT_BYTES, 2 + FINGERPRINT_BYTES + 32);
      assertVersion(payload[0]!);
      const name = payload.subarray(2 + FINGERPRINT_BYTES);
      return {
        kind: "identity",
        flags: payload[1]!,
        fingerprint: payload.slice(2, 2 + FINGERPRINT_BYTES),
        meter: name.length === 0 ? "" : meterOf(name),
      };
    }
    case "reply":
      assertLength("reply", payload, 2);
      return { kind: "reply", to: payload[0]!, code: payload[1]! };
    default:
      throw new FrameError("unknown-type", `no device sends frames of type 0x${type.toString(16)}`);
  }
}

/** What a host said. Throws FrameError. */
export function parseHostFrame({ type, payload }: RawFrame): HostFrame {
  switch (NAME_OF_TYPE.get(type)) {
    case "link": {
      assertLength("link", payload, 2);
      if (payload[0]! > 1) throw new FrameError("malformed", `link is up (1) or down (0), got ${payload[0]!}`);
      return { kind: "link", up: payload[0] === 1, online: payload[1]! };
    }
    case "ack":
      assertLength("ack", payload, 2, MAX_PAYLOAD_BYTES);
      return { kind: "ack", aggregator: payload[0]!, message: payload.slice(1) };
    case "provision":
      assertLength("provision", payload, 1, MAX_PAYLOAD_BYTES);
      return { kind: "provision", part: payload[0]!, content: payload.slice(1) };
    case "ask": {
      assertLength("ask", payload, 1);
      const what = NAME_OF_TYPE.get(payload[0]!);
      if (what !== "hello" && what !== "status" && what !== "identity") {
        throw new FrameError("malformed", `nobody may ask for frames of type 0x${payload[0]!.toString(16)}`);
      }
      return { kind: "ask", what };
    }
    default:
      throw new FrameError("unknown-type", `no host sends frames of type 0x${type.toString(16)}`);
  }
}

function meterOf(bytes: Uint8Array): string {
  const parsed = meterId.safeParse(Buffer.from(bytes).toString("latin1"));
  if (!parsed.success) throw new FrameError("malformed", "a device names a meter that cannot be");
  return parsed.data;
}

function assertVersion(version: number): void {
  if (version !== PROTOCOL_VERSION) {
    throw new FrameError(
      "wrong-version",
      `expected version ${PROTOCOL_VERSION} of the serial protocol, got ${version}`,
    );
  }
}

function assertLength(kind: string, payload: Uint8Array, least: number, most = least): void {
  if (payload.length < least || payload.length > most) {
    const range = least === most ? `${least}` : `${least} to ${most}`;
    throw new FrameError("wrong-length", `expected ${range} bytes in a frame ${kind}, got ${payload.length}`);
  }
}
