/** The one figure that stands for a result of many numbers, and what it is of. */
import type { Answer } from "../api/client.ts";
import { count, figure, unitText } from "../format.ts";

type Details = Pick<Answer<"getResult">, "circuit" | "values">;

export interface Headline {
  readonly value: string;
  readonly of: string;
}

/** Energies of homes together, which add up over the window. */
const ADDS_UP = new Set(["sum", "profile"]);

/** The numbers that a job is named after: one for a variance brings the mean along. Else those that come first. */
export function mainValues({ circuit, values }: Details): Details["values"] {
  const name = values.some((value) => value.name === circuit) ? circuit : values[0]?.name;
  return values.filter((value) => value.name === name);
}

export function headline({ circuit, values }: Details): Headline | undefined {
  const own = mainValues({ circuit, values });
  const [first] = own;
  if (first === undefined) return undefined;
  const whole = own.reduce((sum, { value }) => sum + value, 0);
  const unit = unitText(first.unit);
  if (own.length === 1) return { value: `${figure(first.value, 4)} ${unit}`, of: "" };
  if (ADDS_UP.has(circuit) && first.unit === "Wh") return { value: `${figure(whole / 1_000, 4)} kWh`, of: "in all" };
  if (first.slotStart === null) return { value: count(own.length), of: "numbers" };
  return { value: `${figure(whole / own.length, 4)} ${unit}`, of: "on average" };
}
