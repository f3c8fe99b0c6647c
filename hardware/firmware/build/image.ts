/** What takes the flash of an image, file by file, from the linker's map. */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { sizeOf } from "./toolchain.ts";

/** Bytes of flash by source file ("core/aead"), and of the whole image; RAM without the stack. */
export interface ImageParts {
  readonly flashBytes: number;
  readonly staticRamBytes: number;
  readonly files: ReadonlyMap<string, number>;
}

/** The files that the issue of a core is about: they hold no session, no clock and no conversation. */
export const CORE_PARTS: readonly (readonly [part: string, files: readonly string[]])[] = [
  ["field and shares", ["polynomial"]],
  ["ChaCha20-Poly1305", ["chacha20", "poly1305", "aead"]],
  ["envelope, shares out and acks in", ["message"]],
  ["frames, CRC", ["frame", "bytes"]],
  ["register and slots", ["readings"]],
  ["counters and records in the EEPROM", ["store"]],
];
export const AROUND_PARTS: readonly (readonly [part: string, files: readonly string[]])[] = [
  ["sessions, choice of what to send", ["session", "sender"]],
  ["time from acks", ["clock"]],
  ["provisioning", ["provision"]],
  ["main loop, status, identity", ["device", "report"]],
];

export const PLATFORM = "avr";
export const LIBRARY = "library and start-up";

/** Reads wattveil.map and wattveil.elf in a folder. Throws ToolchainError; Error when a file is of no part or parts do not add up. */
export async function imageParts(folder: string): Promise<ImageParts> {
  const map = await readFile(join(folder, "wattveil.map"), "utf8");
  const files = new Map<string, number>();
  // Before this heading the map lists what was left out. A long name stands on a line of its own.
  const placed = map.slice(map.indexOf("Linker script and memory map"));
  for (const [, bytes = "0", object = ""] of placed.matchAll(
    /^ \.(?:text|progmem|vectors|init|fini|rodata|data)[^\s]*\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$/gm,
  )) {
    const file = partOf(folder, object);
    files.set(file, (files.get(file) ?? 0) + Number.parseInt(bytes, 16));
  }
  const listed = new Set([...CORE_PARTS, ...AROUND_PARTS].flatMap(([, names]) => names));
  const unlisted = [...files.keys()].filter((file) => !listed.has(file) && file !== PLATFORM && file !== LIBRARY);
  // A new file of the core must be counted somewhere, or the limits would not see it.
  if (unlisted.length > 0) throw new Error(`these files belong to no part of the image: ${unlisted.join(", ")}`);
  const size = await sizeOf(join(folder, "wattveil.elf"));
  const sum = [...files.values()].reduce((total, bytes) => total + bytes, 0);
  // The linker leaves a few bytes between sections.
  if (Math.abs(sum - size.flashBytes) > 64) {
    throw new Error(`the map accounts for ${sum} of ${size.flashBytes} bytes of flash`);
  }
  return { flashBytes: size.flashBytes, staticRamBytes: size.ramBytes, files };
}

function partOf(folder: string, object: string): string {
  if (!object.startsWith(folder)) return LIBRARY;
  const path = object.slice(folder.length + 1).replace(/\.o$/, "");
  return path.startsWith("avr/") ? PLATFORM : basename(path);
}

/** The bytes of a list of files together. */
export function bytesOf({ files }: ImageParts, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (files.get(name) ?? 0), 0);
}
