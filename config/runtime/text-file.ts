/** Files that somebody names: read up to a size that a program can hold, whatever kind of file it is. */
import { closeSync, openSync, readSync } from "node:fs";

const CHUNK_BYTES = 1_048_576;
/** Far more than any grid, history or model that this project works on. */
const MOST_TEXT_BYTES = 67_108_864;

/** Throws what the file system throws, and for a larger file an error whose `code` says so. */
export function readText(file: string, mostBytes = MOST_TEXT_BYTES): string {
  return readBytes(file, mostBytes).toString("utf8");
}

/** The same, as it is. */
export function readBytes(file: string, mostBytes = MOST_TEXT_BYTES): Buffer {
  const handle = openSync(file, "r");
  try {
    const parts: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const read = readSync(handle, chunk, 0, CHUNK_BYTES, null);
      if (read === 0) return Buffer.concat(parts);
      bytes += read;
      if (bytes > mostBytes) {
        throw Object.assign(new Error(`${file} is larger than ${mostBytes} bytes`), {
          code: `larger than ${mostBytes} bytes`,
        });
      }
      parts.push(chunk.subarray(0, read));
    }
  } finally {
    closeSync(handle);
  }
}
