/** Base64 of RFC 4648, section 4, read strictly: one text for each string of bytes. */

/** The bytes, or undefined for what is not canonical base64 with padding. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? Uint8Array.from(bytes) : undefined;
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
