/** Releases in words and tables. */
import { renderTable } from "../../config/runtime/terminal.ts";
import { WindowCalendar } from "../../config/windows.ts";
import type { OpenedRelease } from "../../protocol/learning/index.ts";
import { EXACT } from "../../protocol/privacy-labels.ts";
import type { SystemClock } from "../presence.ts";
import type { Forecast } from "./plan.ts";

import type { Release } from "./store.ts";

export function releaseJson({ content: _, ...rest }: Release): Record<string, unknown> {
  return rest;
}

export function releasesTable(releases: readonly Release[], clock: SystemClock): string {
  const calendar = new WindowCalendar({ ...clock, windowDays: 1 });
  const rows = releases.map(({ number, settings, step, firstSlot, state, reason, result }) => {
    const opened = result !== undefined && "values" in result ? result : undefined;
    const { name, type, days, epsilon } = settings;
    const noise = opened === undefined ? "" : `${figure(opened.noiseSd)} ${opened.unit}`;
    const why = reason === "" ? "" : `: ${reason}`;
    return [
      number,
      `${name} ${step}`,
      type,
      calendar.dateOf(firstSlot),
      days,
      epsilon,
      `${state}${why}`,
      opened?.meters,
      noise,
    ];
  });
  return renderTable(["", "name", "type", "from", "days", "epsilon", "state", "homes", "noise (sd)"], rows);
}

/** One release with its values, if it has any. */
export function releaseText(release: Release, clock: SystemClock): string {
  const { number, settings, state, reason, result } = release;
  const head = `release ${number}, ${settings.name} ${release.step}: ${state}${reason === "" ? "" : ` (${reason})`}`;
  if (result === undefined || !("values" in result)) return head;
  return `${head}\n${valuesTable(result, clock)}\n${precisionText(result)}`;
}

function valuesTable(release: OpenedRelease, clock: SystemClock): string {
  const { values, unit, edgesWh, from, slotSeconds } = release;
  const calendar = new WindowCalendar({ ...clock, windowDays: 1 });
  const of = (i: number): string =>
    edgesWh === undefined ? calendar.timeOf(from / slotSeconds + i) : bucketText(edgesWh, i);
  const rows = values.map((value, i) => [of(i), figure(value)]);
  return renderTable([edgesWh === undefined ? "slot" : "Wh", unit === "Wh" ? "Wh" : `${unit} of homes`], rows);
}

/** Names a bucket by its edges. */
function bucketText(edgesWh: readonly number[], i: number): string {
  if (i === 0) return `below ${edgesWh[0]}`;
  return i === edgesWh.length ? `${edgesWh[i - 1]} and more` : `${edgesWh[i - 1]} to below ${edgesWh[i]}`;
}

function precisionText(release: OpenedRelease): string {
  const { meters, noiseSd, leastNoiseSd, unit, epsilon, delta, clip } = release;
  return [
    `${meters} homes; each value has noise with a standard deviation of ${figure(noiseSd)} ${unit} (${figure(leastNoiseSd)} are counted on),`,
    `and may be negative. A home's values were made smaller where their norm was beyond ${figure(clip)}.`,
    `It cost each home epsilon ${epsilon.toFixed(3)} at delta ${delta}. Feeder loads are ${EXACT}.`,
  ].join("\n");
}

export function forecastText({ values, unit, noiseSd, clip, colluders, bits, epsilon, together }: Forecast): string {
  const series = together.map((one) => `${one.releases} of them ${one.epsilon.toFixed(2)}`).join(", ");
  return [
    `${values} values in ${unit}; at the fewest homes each has noise with a standard deviation of ${figure(noiseSd)} ${unit}`,
    `(${colluders} colluders, ${bits} bits, a home's norm at most ${figure(clip)}).`,
    `It would cost a home epsilon ${epsilon.toFixed(3)}; ${series}. Nobody was asked.`,
  ].join("\n");
}

function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
