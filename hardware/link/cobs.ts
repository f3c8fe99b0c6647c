/** Consistent Overhead Byte Stuffing: bytes in, the same without a zero out, so that a zero can end a frame. */

/** Bytes that follow a code byte without a zero after them; a longer run takes another code byte. */
const LONGEST_RUN = 254;

/** Stuffs `bytes`; the delimiter is the caller's. */
export function cobsEncode(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + Math.floor(bytes.length / LONGEST_RUN) + 1);
  let code = 0;
  let at = 1;
  for (const byte of bytes) {
    if (at - code > LONGEST_RUN) {
      out[code] = at - code;
      code = at++;
    }
    if (byte === 0) {
      out[code] = at - code;
      code = at++;
    } else {
      out[at++] = byte;
    }
  }
  out[code] = at - code;
  return out.subarray(0, at);
}

/** Undoes `cobsEncode`; undefined for bytes that it cannot have made. */
export function cobsDecode(bytes: Uint8Array): Uint8Array | undefined {
  const out = new Uint8Array(bytes.length);
  let length = 0;
  let at = 0;
  while (at < bytes.length) {
    const code = bytes[at]!;
    const end = at + code;
    if (code === 0 || end > bytes.length) return undefined;
    for (at++; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === 0) return undefined;
      out[length++] = byte;
    }
    if (code <= LONGEST_RUN && at < bytes.length) out[length++] = 0;
  }
  return bytes.length === 0 ? undefined : out.subarray(0, length);
}
