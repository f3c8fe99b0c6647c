/**
 * Compares what was opened with what the released loads of the same feeders and slots say, and tells which of the two
 * paths is wrong, where that can be known. Pure arithmetic on released numbers.
 */
import { divisorIn } from "../../protocol/ckks/circuits/circuit.ts";
import { nameValues, type OpenedJob } from "./opened-job.ts";
import type { PlainCircuit } from "./plain.ts";

/** A feeder's load of one slot, of the job's kind. */
export interface SlotLoad {
  /** Undefined where none is released (yet). */
  readonly energyWh: number | undefined;
  readonly meters: number;
  readonly spareAnswers: number;
  /** `final`, or why there is none. */
  readonly status: string;
}

export type CheckStatus = "waiting" | "agree" | "ciphertexts" | "shares" | "meters" | "unknown";

export interface Verdict {
  readonly status: CheckStatus;
  readonly reason: string;
  readonly slotsCompared: number;
  readonly slotsWaiting: number;
  readonly slotsDiffering: number;
  readonly largestDifference: number | undefined;
  /** Slot of the window. */
  readonly differsAt: number | undefined;
  readonly bound: number | undefined;
  readonly spareAnswers: number | undefined;
}

/** Why a load has no total although its cells were agreed: the shares' own fault. */
const CONTRADICTIONS = new Set(["inconsistent-sums", "implausible-total"]);

interface SlotState {
  readonly load: number | undefined;
  readonly spare: number;
  readonly impossible: boolean;
  readonly contradicted: boolean;
}

/** `loads`: for each slot of the window, one of each feeder. */
export function compare(
  job: OpenedJob,
  plain: PlainCircuit,
  slots: readonly ArrayLike<number>[],
  loads: readonly (readonly SlotLoad[])[],
): Verdict {
  const states = loads.map((feeders) => stateOf(feeders, job.shape.maxValue));
  const slotsWaiting = states.filter(({ load, contradicted }) => load === undefined && !contradicted).length;
  const whole = states.every(({ load }) => load !== undefined);
  const contradicted = states.filter((state) => state.contradicted).length;
  const none = { slotsCompared: 0, slotsWaiting, slotsDiffering: 0, largestDifference: undefined, bound: undefined };
  const unseen = { ...none, differsAt: undefined, spareAnswers: undefined };
  if (contradicted > 0) {
    const at = states.findIndex((state) => state.contradicted);
    return { ...unseen, slotsDiffering: contradicted, differsAt: at, status: "shares", reason: CONTRADICTED };
  }
  const seen = states.filter(({ load }) => load !== undefined);
  if (seen.length === 0 || (!plain.slotwise && !whole)) return { ...unseen, status: "waiting", reason: WAITING };

  const expected = plain.values(
    states.map(({ load }) => load ?? 0),
    (slot) => divisorIn(job.shape, slot),
    job.transcript.parameters,
  );
  const opened = nameValues(job, slots);
  const differences = Object.entries(expected).flatMap(([name, values]) => {
    const got = opened[name];
    const list = typeof got === "number" ? [got] : (got ?? []);
    const bound = job.errors[name] ?? 0;
    return [...values.entries()]
      .filter(([at]) => !plain.slotwise || states[at]?.load !== undefined)
      .map(([at, value]) => ({ at, bound, difference: Math.abs(value - (list[at] ?? Number.NaN)) }));
  });
  // Not `difference > bound`: what is no number does not agree.
  const differing = differences.filter(({ difference, bound }) => !(difference <= bound));
  const worst = differences.reduce((most, one) =>
    one.difference / one.bound > most.difference / most.bound ? one : most,
  );
  const compared = { ...none, slotsCompared: seen.length, largestDifference: worst.difference, bound: worst.bound };
  const least = (of: readonly SlotState[]): number => Math.min(...of.map(({ spare }) => spare));
  if (differing.length === 0) {
    const verdict = { ...compared, differsAt: undefined, spareAnswers: least(seen) };
    return { ...verdict, status: "agree", reason: "" };
  }
  const places = plain.slotwise ? [...new Set(differing.map(({ at }) => at))].map((at) => states[at]!) : states;
  const spareAnswers = least(places);
  const found = {
    ...compared,
    spareAnswers,
    slotsDiffering: plain.slotwise ? places.length : states.length,
    differsAt: plain.slotwise ? worst.at : 0,
  };
  if (places.some(({ impossible }) => impossible)) return { ...found, status: "shares", reason: IMPOSSIBLE };
  if (spareAnswers > 0) return { ...found, status: "meters", reason: METERS };
  return { ...found, status: "unknown", reason: UNKNOWN };
}

const WAITING = "no load of these slots is released yet";
const CONTRADICTED = "the shares' own answers contradict each other; what the ciphertexts opened to is consistent";
const IMPOSSIBLE = "the load from shares is more than its meters can use; what the ciphertexts opened to is consistent";
const METERS =
  "spare answers confirm the load from shares, and the opening shows zeros where zeros belong: a meter gave the two " +
  "paths different values, or analytics or an aggregator that opened changed the sum on purpose";
const UNKNOWN =
  "no spare answer confirms the load from shares, and the opening shows zeros where zeros belong: it cannot be said " +
  "which path is wrong; one more aggregator that answers would tell";

function stateOf(feeders: readonly SlotLoad[], maxValue: number): SlotState {
  return {
    load: feeders.some(({ energyWh }) => energyWh === undefined)
      ? undefined
      : feeders.reduce((sum, { energyWh }) => sum + energyWh!, 0),
    spare: Math.min(...feeders.map(({ spareAnswers }) => spareAnswers)),
    impossible: feeders.some(({ energyWh, meters }) => (energyWh ?? 0) > meters * maxValue),
    contradicted: feeders.some(({ status }) => CONTRADICTIONS.has(status)),
  };
}
