/** The protocol's code is node's and takes `Buffer` from its surroundings; in a browser somebody has to put it there. */
import { Buffer } from "buffer";

interface Written {
  toString(this: Written, encoding?: string, start?: number, end?: number): string;
}

// A base64url that node knows and this package does not, which keys are written in.
const prototype = Buffer.prototype as unknown as Written;
const plain: Written["toString"] = Reflect.get(prototype, "toString");
prototype.toString = function toString(this: Written, encoding?: string, start?: number, end?: number): string {
  if (encoding !== "base64url") return plain.call(this, encoding, start, end);
  const text = plain.call(this, "base64", start, end);
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
};
globalThis.Buffer = Buffer;
