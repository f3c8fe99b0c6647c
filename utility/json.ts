/** JSON as it comes from the broker. */

/** The value; undefined for what is no JSON. */
export function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}
