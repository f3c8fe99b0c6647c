/**
 * Bytes from a serial line in, whole frames out (hardware/firmware/PROTOCOL.md, "Line and frames"). What is no frame is
 * counted, never thrown: a line has noise, and a log must not be flooded by it. Memory is bounded by one frame.
 */
import { cobsDecode, cobsEncode } from "./cobs.ts";
import { crc16 } from "./crc16.ts";

/** Type, payload and checksum, before stuffing. */
export const MAX_FRAME_BYTES = 200;
const CRC_BYTES = 2;
const MIN_FRAME_BYTES = 1 + CRC_BYTES;
/** One code byte of COBS, as a frame is shorter than its longest run. */
const MAX_STUFFED_BYTES = MAX_FRAME_BYTES + 1;
/** What fits a frame beside its type. */
export const MAX_PAYLOAD_BYTES = MAX_FRAME_BYTES - MIN_FRAME_BYTES;

/** A frame whose checksum fits; what its payload means is another matter. */
export interface RawFrame {
  /** 0 to 255. */
  readonly type: number;
  readonly payload: Uint8Array;
}

/** What was dropped since the decoder was made. */
export interface Noise {
  /** Pieces between delimiters that were no frame. */
  readonly frames: number;
  /** The bytes of those pieces, delimiters not counted. */
  readonly bytes: number;
}

/** The bytes of a frame on the line, with its delimiter. Throws RangeError for a type or length that does not fit. */
export function encodeRawFrame({ type, payload }: RawFrame): Uint8Array {
  if (!Number.isInteger(type) || type < 0 || type > 0xff) throw new RangeError(`type: expected 0 to 255, got ${type}`);
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`payload: expected at most ${MAX_PAYLOAD_BYTES} bytes, got ${payload.length}`);
  }
  const frame = new Uint8Array(MIN_FRAME_BYTES + payload.length);
  frame[0] = type;
  frame.set(payload, 1);
  const crc = crc16(frame.subarray(0, -CRC_BYTES));
  frame[frame.length - 2] = crc >> 8;
  frame[frame.length - 1] = crc & 0xff;
  const stuffed = cobsEncode(frame);
  const line = new Uint8Array(stuffed.length + 1);
  line.set(stuffed);
  return line;
}

export class FrameDecoder {
  readonly #stuffed = new Uint8Array(MAX_STUFFED_BYTES);
  #length = 0;
  #noiseFrames = 0;
  #noiseBytes = 0;

  get noise(): Noise {
    return { frames: this.#noiseFrames, bytes: this.#noiseBytes };
  }

  /** Takes the next bytes of the line, however they are cut, and gives the frames that they complete. */
  push(chunk: Uint8Array): RawFrame[] {
    const frames: RawFrame[] = [];
    for (const byte of chunk) {
      if (byte !== 0) {
        if (this.#length < MAX_STUFFED_BYTES) this.#stuffed[this.#length] = byte;
        this.#length += 1;
        continue;
      }
      if (this.#length > 0) {
        const frame = this.#take();
        if (frame !== undefined) frames.push(frame);
        else {
          this.#noiseFrames += 1;
          this.#noiseBytes += this.#length;
        }
      }
      this.#length = 0;
    }
    return frames;
  }

  #take(): RawFrame | undefined {
    if (this.#length > MAX_STUFFED_BYTES) return undefined;
    const frame = cobsDecode(this.#stuffed.subarray(0, this.#length));
    if (frame === undefined || frame.length < MIN_FRAME_BYTES || crc16(frame) !== 0) return undefined;
    return { type: frame[0]!, payload: frame.slice(1, -CRC_BYTES) };
  }
}
