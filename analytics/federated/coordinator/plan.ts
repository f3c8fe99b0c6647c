/** What a coordinator is to do, as a file: the campaign, how its rounds are timed, and what its models are judged on. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { UsageError } from "../../../config/runtime/role-command.ts";
import { campaignOptions } from "../options.ts";

const coordinatorPlan = z.strictObject({
  campaign: campaignOptions,
  /** From the announcement of a round until it closes: homes train and send within it. Seconds of the system's clock. */
  roundSeconds: z.int().min(1).max(604_800).default(600),
  /** An announcement is repeated so often until the round's result is there. */
  announceSeconds: z.number().min(0.05).max(3_600).default(2),
  /** A round whose result has not come so long after it closed is passed over; homes have paid for it. */
  patienceSeconds: z.number().min(0.1).max(86_400).default(120),
  /** Open readings to judge models by. A simulation has them; a real system's homes keep theirs. */
  judge: z
    .strictObject({
      /** File of `meter,slot_start,energy_wh`: homes train on what is before its last 2 * testDays days. */
      readings: z.string().min(1),
      /** File of `slot_start,temperature_c` that homes have, too. */
      weather: z.string().min(1).optional(),
      testDays: z.int().min(1).max(365),
      seed: z.int().min(0).default(1),
    })
    .optional(),
});

export type CoordinatorPlan = z.infer<typeof coordinatorPlan>;

/** `given`: where the file was named, for messages. Throws UsageError that names every field that is wrong. */
export function readPlan(given: string, file: string): CoordinatorPlan {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`${given}: ${code === undefined ? `no JSON (${message})` : `cannot be read (${code})`}`);
  }
  const parsed = coordinatorPlan.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${given}: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`);
}
