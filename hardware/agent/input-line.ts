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
const inputLine = z.union([registerLine, intervalLine]);

/**
 * Hands one line to the agent. `now` is the device's clock in Unix seconds. Throws SyntaxError for what is no JSON,
 * ZodError for other fields, and RangeError for times that cannot be and for slots that are taken already.
 */
export function takeLine(
  agent: Pick<MeterAgent, "addReadings" | "addSample">,
  line: string,
  { slotSeconds, now }: { readonly slotSeconds: number; readonly now: number },
): void {
  const input = inputLine.parse(JSON.parse(line));
  const time = "time" in input ? input.time : input.slotStart;
  // Slots are taken in order: one reading from a wrong future would shut out all that follow until then.
  if (time > now + slotSeconds) throw new RangeError(`time: ${time} lies ahead of this device's clock`);
  if ("time" in input) {
    const { importWh, exportWh } = input;
    agent.addSample(exportWh === undefined ? { time, importWh } : { time, importWh, exportWh });
    return;
  }
  if (time % slotSeconds !== 0) {
    throw new RangeError(`slotStart: expected a multiple of ${slotSeconds} s, got ${time}`);
  }
  const slot = time / slotSeconds;
  agent.addReadings(KINDS.import, slot, [input.energyWh]);
  if (input.exportWh !== undefined) agent.addReadings(KINDS.export, slot, [input.exportWh]);
}
