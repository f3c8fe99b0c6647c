/** Reads the budget table of constrained devices (budgets.json) and checks it, so that a wrong entry is found at once. */
import { z } from "zod";
import table from "./budgets.json" with { type: "json" };

const positive = z.number().positive();

const cyclesByCipher = z.record(z.enum(["chacha20-poly1305", "ascon-aead128", "aes-128-gcm"]), positive);

const deviceBudget = z.strictObject({
  name: z.string(),
  cpuHz: positive,
  flashBytes: positive.int(),
  ramBytes: positive.int(),
  eepromBytes: positive.int(),
  /** Writes that one EEPROM cell endures. */
  eepromWrites: positive.int(),
  supplyV: positive,
  activeMa: positive,
  sleepUa: positive,
  firmwareFlashBytes: positive.int(),
  firmwareStaticRamBytes: positive.int(),
  firmwareStackBytes: positive.int(),
  /** Making one share, without sealing it. */
  cyclesPerShare: positive,
  /** Sealing up to 64 bytes, and each further 64 bytes. */
  cyclesPerSeal: cyclesByCipher,
  cyclesPerFurtherBlock: cyclesByCipher,
  /** The clock is wrong by at most this much, parts per million. */
  oscillatorPpm: positive,
  bootMs: positive,
  sources: z.record(z.string(), z.string()),
});

const radioBudget = z.strictObject({
  name: z.string(),
  mjPerMessage: z.number().nonnegative(),
  mjPerByte: z.number().nonnegative(),
  source: z.string(),
});

const budgetTable = z.strictObject({
  comment: z.string(),
  devices: z.record(z.string(), deviceBudget),
  radios: z.record(z.string(), radioBudget),
});

export type DeviceBudget = z.infer<typeof deviceBudget>;
export type RadioBudget = z.infer<typeof radioBudget>;
export type Cipher = keyof DeviceBudget["cyclesPerSeal"];

const BUDGETS = budgetTable.parse(table);

/** The budget of a device by name; throws RangeError on an unknown one. */
export function budgetOf(device: string): DeviceBudget {
  return entry(BUDGETS.devices, "device", device);
}

/** The energy of a radio by name; throws RangeError on an unknown one. */
export function radioOf(radio: string): RadioBudget {
  return entry(BUDGETS.radios, "radio", radio);
}

function entry<T>(entries: Readonly<Record<string, T>>, argument: string, name: string): T {
  const found = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (found === undefined) {
    throw new RangeError(`${argument}: expected one of ${Object.keys(entries).join(", ")}, got ${name}`);
  }
  return found;
}
