/** What frames mean (hardware/firmware/PROTOCOL.md, "Line and frames"): types, codes and sizes of both ends. */
import { MAX_PAYLOAD_BYTES } from "./frame-decoder.ts";

export const FRAME_TYPES = {
  hello: 0x01,
  share: 0x02,
  status: 0x03,
  identity: 0x05,
  reply: 0x06,
  link: 0x81,
  ack: 0x82,
  provision: 0x83,
  ask: 0x84,
} as const;

export const PROTOCOL_VERSION = 1;
export const SHARE_MESSAGE_BYTES = 60;
/** How every share message begins (docs/protocol.md); the line does not carry it. */
export const SHARE_MESSAGE_HEAD = Uint8Array.from(Buffer.from("d0834ca2011818617345", "hex"));
/** The longest ack that a device can take. */
export const MAX_ACK_BYTES = MAX_PAYLOAD_BYTES - 1;
export const CHALLENGE_BYTES = 16;
export const FINGERPRINT_BYTES = 16;
export const STATUS_BYTES = 33;

/** What a device says to a frame from the host. */
export const REPLY_CODES = {
  done: 0,
  unknownType: 1,
  wrongLength: 2,
  notProvisioned: 3,
  alreadyProvisioned: 4,
  jumperMissing: 5,
  outOfRange: 6,
  partsMissing: 7,
  wrongFingerprint: 8,
  eepromFailed: 9,
  malformedAck: 10,
  badSeal: 11,
  replayed: 12,
  unknownAggregator: 13,
  stopped: 14,
} as const;

export const DEVICE_FLAGS = {
  provisioned: 1,
  timeKnown: 2,
  linkUp: 4,
  jumper: 8,
  stopped: 16,
  eepromFault: 32,
  ringFull: 64,
} as const;

/** A frame that the line carried well, but that says nothing valid. */
export class FrameError extends Error {
  readonly code: "unknown-type" | "wrong-length" | "wrong-version" | "malformed";

  constructor(code: FrameError["code"], message: string) {
    super(message);
    this.name = "FrameError";
    this.code = code;
  }
}

export interface HelloFrame {
  readonly kind: "hello";
  readonly n: number;
  readonly t: number;
  readonly slotSeconds: number;
  /** The boot number that the hello names. */
  readonly boot: number;
  /** 16 bytes. */
  readonly challenge: Uint8Array;
  readonly meter: string;
}

export interface ShareFrame {
  readonly kind: "share";
  readonly aggregator: number;
  /** The sealed message, 60 bytes, as it goes to the aggregator. */
  readonly message: Uint8Array;
}

export interface StatusFrame {
  readonly kind: "status";
  /** Bits of DEVICE_FLAGS. */
  readonly flags: number;
  readonly uptimeSeconds: number;
  /** Unix seconds; 0 while the device does not know the time. */
  readonly time: number;
  /** Bit a - 1: aggregator a has answered. */
  readonly sessions: number;
  /** Readings that wait for an aggregator, and how many fit. */
  readonly pending: number;
  readonly capacity: number;
  /** The most pulses that a power cut loses. */
  readonly checkpoint: number;
  /** Counters stop at 65,535. */
  readonly noise: number;
  readonly overruns: number;
  readonly refused: number;
  readonly conflicts: number;
  readonly closed: number;
  readonly givenUp: number;
  readonly damaged: number;
  readonly renewals: number;
  readonly start: number;
}

export interface IdentityFrame {
  readonly kind: "identity";
  readonly flags: number;
  /** 16 bytes; zero while the device is not provisioned. */
  readonly fingerprint: Uint8Array;
  /** Empty while the device is not provisioned. */
  readonly meter: string;
}

export interface ReplyFrame {
  readonly kind: "reply";
  /** The type of the host's frame. */
  readonly to: number;
  /** One of REPLY_CODES. */
  readonly code: number;
}

export type DeviceFrame = HelloFrame | ShareFrame | StatusFrame | IdentityFrame | ReplyFrame;

export interface LinkFrame {
  readonly kind: "link";
  readonly up: boolean;
  /** Bit a - 1: aggregator a is online. */
  readonly online: number;
}

export interface AckFrame {
  readonly kind: "ack";
  readonly aggregator: number;
  /** 1 to MAX_ACK_BYTES bytes, as they came from the aggregator. */
  readonly message: Uint8Array;
}

export interface ProvisionFrame {
  readonly kind: "provision";
  /** 0 settings, 1 to 5 keys of an aggregator, 255 the end. */
  readonly part: number;
  readonly content: Uint8Array;
}

export interface AskFrame {
  readonly kind: "ask";
  readonly what: "hello" | "status" | "identity";
}

export type HostFrame = LinkFrame | AckFrame | ProvisionFrame | AskFrame;

/** Counters of a status in the order of the line. */
export const STATUS_COUNTERS = [
  "noise",
  "overruns",
  "refused",
  "conflicts",
  "closed",
  "givenUp",
  "damaged",
  "renewals",
] as const satisfies readonly (keyof StatusFrame)[];

export const NAME_OF_TYPE = new Map<number, keyof typeof FRAME_TYPES>(
  Object.entries(FRAME_TYPES).map(([name, type]) => [type, name as keyof typeof FRAME_TYPES]),
);

/** The word for a reply's code, such as `badSeal`; `unknown` for a code of a later version. */
export function replyName(code: number): keyof typeof REPLY_CODES | "unknown" {
  const found = Object.entries(REPLY_CODES).find(([, value]) => value === code);
  return found === undefined ? "unknown" : (found[0] as keyof typeof REPLY_CODES);
}
