/**
 * Simulated theft: what a meter measures of what its home consumes. Thefts are named on the command line, and the same
 * text gives the same theft in every process.
 */
import type { SlotEnergy } from "../loads/index.ts";

/**
 * `bypass`: from a time on, a share of the consumption flows around the meter. `scale`: the meter counts too little by a
 * share that grows evenly to its full size over `days`. `stop`: it counts nothing. `reset`: once a day its register is
 * set back, and the slot in which that happens cannot be measured.
 */
export type TheftKind = "bypass" | "scale" | "stop" | "reset";

export interface Theft {
  readonly kind: TheftKind;
  readonly meter: string;
  /** What goes uncounted, of 1; without meaning for a reset. */
  readonly share: number;
  /** Days after the first day of the run. */
  readonly fromDay: number;
  /** `scale`: days until it has its full size. */
  readonly days: number;
}

const KINDS: Readonly<Record<TheftKind, { readonly share: number; readonly days: number }>> = {
  bypass: { share: 0.5, days: 0 },
  scale: { share: 0.5, days: 60 },
  stop: { share: 1, days: 0 },
  reset: { share: 0, days: 0 },
};

/** A form of theft that does not exist, or of a meter that is not there: the words say what was expected. */
export class TheftError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "TheftError";
  }
}

/** `kind:meter[:share][@day]`, several with commas: `bypass:m-003:0.4@2,stop:m-007`; `days` of the run. Throws TheftError. */
export function parseThefts(text: string, meters: readonly string[], days: number): Theft[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => parseTheft(part, meters, days));
}

function parseTheft(text: string, meters: readonly string[], days: number): Theft {
  const [, name = "", meter = "", shareText, dayText] =
    /^([a-z]+):([a-z0-9-]+)(?::([\d.]+))?(?:@([\d.]+))?$/.exec(text) ?? [];
  if (!(name in KINDS)) {
    const known = Object.keys(KINDS).join(", ");
    throw new TheftError(`${text}: expected kind:meter[:share][@day] with one of ${known}, such as bypass:m-003:0.5@1`);
  }
  if (!meters.includes(meter)) throw new TheftError(`${text}: there is no meter ${meter}`);
  const kind = name as TheftKind;
  const share = shareText === undefined ? KINDS[kind].share : Number(shareText);
  if (!(share >= 0 && share <= 1))
    throw new TheftError(`${text}: expected a share from 0 to 1, got ${String(shareText)}`);
  const fromDay = dayText === undefined ? 0 : Number(dayText);
  if (!Number.isFinite(fromDay)) throw new TheftError(`${text}: expected days, got ${String(dayText)}`);
  if (fromDay >= days) throw new TheftError(`${text}: begins after the run's ${days} ${days === 1 ? "day" : "days"}`);
  return { kind, meter, share, fromDay, days: KINDS[kind].days };
}

/**
 * What the meter counts of a slot that begins `day` days after the run's first (fractions count); undefined where it
 * cannot measure it. Export is left as it is. `slotsPerDay` tells when the daily reset is due.
 */
export function counted(
  energy: SlotEnergy,
  { kind, share, fromDay, days }: Omit<Theft, "meter">,
  day: number,
  slotsPerDay: number,
): SlotEnergy | undefined {
  if (day < fromDay) return energy;
  if (kind === "reset")
    return Math.round(day * slotsPerDay) % slotsPerDay === Math.floor(slotsPerDay / 8) ? undefined : energy;
  const part = days === 0 ? share : share * Math.min(1, (day - fromDay) / days);
  return { importWh: Math.floor(energy.importWh * (1 - part)), exportWh: kind === "stop" ? 0 : energy.exportWh };
}
