/** An opened job as its rows in `he_results` and `he_values`. What does not pass its checks leaves no number behind. */
import type { CircuitValues } from "../../protocol/ckks/circuits/circuit.ts";
import { toldSlots } from "../../protocol/ckks/circuits/told.ts";
import type { OpenedOutput } from "./combination.ts";
import { nameValues, type OpenedJob } from "./opened-job.ts";
import type { HeResult, HeValue } from "./opened-store.ts";
import { unitOf } from "./units.ts";

export interface Judged {
  readonly status: "final" | "inconsistent";
  readonly reason: string;
  /** The largest magnitude where there must be zero, and what noise can make of it. */
  readonly residue: number;
  readonly residueBound: number;
  readonly values: CircuitValues;
  /** The slots of each output, rounded to what their error allows: what others are told. */
  readonly slots: readonly Float64Array[];
}

/**
 * Holds an opening against what it must be: real values, zeros beyond the window, nothing larger than the meters can
 * make. Numbers of an opening that fails may show what no one may see, so they are dropped.
 */
export function judge(job: OpenedJob, outputs: readonly OpenedOutput[]): Judged {
  const { bound, shape, period } = job;
  let worst = { residue: 0, residueBound: job.outputs[0]!.slotError, at: -1 };
  const beyond: string[] = [];
  for (const [at, { slots, imaginary }] of outputs.entries()) {
    const { slotError, largest } = job.outputs[at]!;
    const padding = bound.circuit.zeroPadding ? slots.subarray(shape.slots, period) : new Float64Array(0);
    const residue = padding.reduce((most, value) => Math.max(most, Math.abs(value)), imaginary);
    if (worst.at < 0 || residue / slotError > worst.residue / worst.residueBound) {
      worst = { residue, residueBound: slotError, at };
    }
    if (!slots.subarray(0, shape.slots).every((value) => Math.abs(value) <= largest)) beyond.push(String(at));
  }
  const { residue, residueBound, at } = worst;
  const failed = (reason: string): Judged => ({
    status: "inconsistent",
    reason,
    residue,
    residueBound,
    values: {},
    slots: [],
  });
  // Not `residue > bound`: what is no number passes no check.
  if (!(residue <= residueBound)) {
    const size = `${residue.toPrecision(3)} where at most ${residueBound.toPrecision(3)} can be noise`;
    return failed(
      `output ${at} shows ${size}: the ciphertext path is wrong (a part of an aggregator, a first half of analytics, ` +
        "or a malformed ciphertext of a meter)",
    );
  }
  if (beyond.length > 0) {
    return failed(`output ${beyond.join(", ")} holds more than its meters can make: the ciphertext path is wrong`);
  }
  try {
    const slots = outputs.map((output, i) => toldSlots(bound.circuit, output.slots, job.outputs[i]!.slotError));
    const values = nameValues(job, slots);
    return { status: "final", reason: "", residue, residueBound, values, slots };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return failed(`the circuit cannot read what was opened (${error.message}): the ciphertext path is wrong`);
  }
}

export interface RowFacts {
  readonly slotSeconds: number;
  readonly active: readonly number[];
  /** Unix seconds. */
  readonly openedAt: number;
}

/** What became of a job: judged numbers, or a reason why it could not be combined. */
export type Outcome = Partial<Omit<Judged, "status">> & { readonly status: string; readonly reason: string };

/** The row of a job that is settled, whatever became of it. */
export function resultRow(job: OpenedJob, { slotSeconds, active, openedAt }: RowFacts, outcome: Outcome): HeResult {
  const { transcript, timeSlots, shape, set, epoch, errors } = job;
  const [main] = Object.keys(errors);
  return {
    job: job.job,
    circuit: transcript.circuit,
    parameters: JSON.stringify(transcript.parameters),
    feeders: transcript.feeders.join(","),
    series: transcript.series.join(","),
    window_start: transcript.firstSlot * slotSeconds,
    window_end: (transcript.firstSlot + timeSlots) * slotSeconds,
    slots: timeSlots,
    meters: shape.meters,
    meters_by_slot: shape.counts === undefined ? null : JSON.stringify(shape.counts),
    inputs: transcript.inputs.length,
    unit: unitOf(transcript.circuit, main ?? "", job.series),
    error_bound: main === undefined ? null : (errors[main] ?? null),
    residue: Number.isFinite(outcome.residue) ? outcome.residue! : null,
    residue_bound: outcome.residueBound ?? null,
    opened_by: active.join(","),
    epoch: epoch.epoch,
    parameter_set: set.parameters.name,
    status: outcome.status,
    reason: outcome.reason,
    opened_at: Math.floor(openedAt),
  };
}

/** One row for each number. */
export function valueRows(job: OpenedJob, values: CircuitValues, slotSeconds: number): HeValue[] {
  const { transcript, timeSlots, errors, series } = job;
  return Object.entries(values).flatMap(([name, value]) => {
    const list = typeof value === "number" ? [value] : value;
    const ofSlots = typeof value !== "number" && list.length === timeSlots;
    const unit = unitOf(transcript.circuit, name, series);
    return list.map((one, position) => ({
      ...{ name, position, value: one, unit, error_bound: errors[name] ?? null },
      slot_start: ofSlots ? (transcript.firstSlot + position) * slotSeconds : null,
    }));
  });
}
