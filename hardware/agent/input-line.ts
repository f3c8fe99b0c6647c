/**
 * One line of readings from outside: a register sample {"time", "importWh", "exportWh"?} or an interval
 * {"slotStart", "energyWh", "exportWh"?}. What is refused changes nothing and is said in words.
 */
import { z } from "zod";
import { KINDS } from "../../protocol/units.ts";
import type { MeterAgent } from "./agent.ts";

const energy = z.int().min(0);
const registerLine = z.strictObject({ time: z.number().min(0), importWh: energy, exportWh: energy.optional() });
const intervalLine = z.strictObject({ slotStart: z.int().min(0), energyWh: energy, exportWh: energy.optional() });

/** What is wrong with a line of input; the message says what was expected. */
export class InputLineError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "InputLineError";
  }
}

export const INTERVAL_FORM = '{"slotStart": <Unix seconds>, "energyWh": <Wh>}';
export const REGISTER_FORM = '{"time": <Unix seconds>, "importWh": <register in Wh>}';
const EITHER = `expected ${INTERVAL_FORM} or ${REGISTER_FORM}, each with "exportWh" if there is any`;

/**
 * Hands one line to the agent. `now` is the device's clock in Unix seconds. Throws InputLineError for what is no such
 * line, for times that cannot be and for slots that are taken already.
 */
export function takeLine(
  agent: Pick<MeterAgent, "addReadings" | "addSample" | "nextSlot">,
  line: string,
  { slotSeconds, now }: { readonly slotSeconds: number; readonly now: number },
): void {
  const input = parseLine(line);
  const time = "time" in input ? input.time : input.slotStart;
  // Slots are taken in order: one reading from a wrong future would shut out all that follow until then.
  if (time > now + slotSeconds) {
    const name = "time" in input ? "time" : "slotStart";
    throw new InputLineError(`${name}: ${time} lies ahead of this device's clock (${Math.floor(now)})`);
  }
  if ("time" in input) {
    const { importWh, exportWh } = input;
    explained(() => agent.addSample(exportWh === undefined ? { time, importWh } : { time, importWh, exportWh }));
    return;
  }
  if (time % slotSeconds !== 0) {
    throw new InputLineError(`slotStart: expected a multiple of ${slotSeconds} s, got ${time}`);
  }
  const slot = time / slotSeconds;
  const kinds = input.exportWh === undefined ? [KINDS.import] : [KINDS.import, KINDS.export];
  const free = Math.max(...kinds.map((kind) => agent.nextSlot(kind)));
  if (slot < free) {
    const next = free * slotSeconds;
    throw new InputLineError(
      `slotStart: expected ${next} or later, got ${time}: the slots before are taken, and each has one reading`,
    );
  }
  explained(() => {
    agent.addReadings(KINDS.import, slot, [input.energyWh]);
    if (input.exportWh !== undefined) agent.addReadings(KINDS.export, slot, [input.exportWh]);
  });
}

function parseLine(line: string): z.infer<typeof registerLine> | z.infer<typeof intervalLine> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new InputLineError(`${EITHER}; this is no JSON`);
  }
  const has = (name: string): boolean => typeof value === "object" && value !== null && name in value;
  if (has("slotStart")) return checked(intervalLine, value, INTERVAL_FORM);
  if (has("time")) return checked(registerLine, value, REGISTER_FORM);
  throw new InputLineError(EITHER);
}

function checked<T>(form: z.ZodType<T>, value: unknown, text: string): T {
  const parsed = form.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".") ?? "";
  const what = field === "" ? issue?.message : `${field}: ${issue?.message}`;
  throw new InputLineError(`expected ${text}; ${what ?? "this is something else"}`);
}

function explained(work: () => void): void {
  try {
    work();
  } catch (error) {
    throw error instanceof RangeError ? new InputLineError(error.message) : error;
  }
}
