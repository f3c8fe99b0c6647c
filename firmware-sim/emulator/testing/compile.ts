/** Compiles a small C program for the ATmega328P with avr-gcc, for tests of the emulated chip. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseIntelHex } from "../avr/intel-hex.ts";

/** Words of flash. Throws what the compiler says. */
export function compileAvr(source: string): Uint16Array {
  const folder = mkdtempSync(join(tmpdir(), "wv-avr-"));
  try {
    const [c, elf, hex] = ["program.c", "program.elf", "program.hex"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(c, source);
    execFileSync("avr-gcc", ["-mmcu=atmega328p", "-DF_CPU=16000000UL", "-Os", "-std=gnu99", "-Wall", "-o", elf, c]);
    execFileSync("avr-objcopy", ["-O", "ihex", "-R", ".eeprom", elf, hex]);
    return parseIntelHex(readFileSync(hex, "utf8"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
