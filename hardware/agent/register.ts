/**
 * Turns samples of a cumulative register into interval readings: one value per slot, differenced at slot boundaries.
 * A missed boundary is a gap, never a spike: the difference across it comes out once, as `catchup`. A register that
 * went back is a rollover where that explains it, else a reset, whose energy is unknown and is therefore a gap too.
 */
import { assertSlot } from "../../protocol/slots.ts";
import { KINDS, type Kind } from "../../protocol/units.ts";

/** One look at a meter's registers. Energies are integer watt-hours since the meter's beginning. */
export interface RegisterSample {
  /** Unix seconds. */
  readonly time: number;
  readonly importWh: number;
  readonly exportWh?: number;
}

export interface RegisterRules {
  readonly slotSeconds: number;
  /** How far from a boundary a sample may lie and still stand for it, in seconds. */
  readonly boundaryToleranceSeconds: number;
  /** The most energy that one slot can hold, in watt-hours; beyond it a difference is not believed. */
  readonly maxIntervalWh: number;
  /** The register counts modulo this many watt-hours. */
  readonly registerModulus: number;
}

/** The register at the start of slot `slot`. */
interface Boundary {
  readonly slot: number;
  readonly registerWh: number;
}

/** What must be durable together with the readings, so that a restart neither repeats nor skips energy. */
export interface RegisterState {
  readonly import?: Boundary;
  readonly export?: Boundary;
}

export interface IntervalReading {
  readonly kind: Kind;
  readonly slot: number;
  readonly energyWh: number;
}

/** Why slots [from, to) have no reading of their own. */
export interface RegisterEvent {
  readonly code: "gap" | "reset" | "rollover" | "implausible";
  readonly direction: "import" | "export";
  readonly from: number;
  readonly to: number;
}

export interface Differenced {
  readonly state: RegisterState;
  readonly readings: readonly IntervalReading[];
  readonly events: readonly RegisterEvent[];
}

interface DirectionResult {
  readonly boundary: Boundary;
  readonly reading?: IntervalReading;
  readonly event?: RegisterEvent;
}

/**
 * Adds a sample to a register's history. Samples between boundaries, and a boundary already taken, change nothing.
 * Throws RangeError on a time or register that is not a non-negative integer, or a register at or above the modulus.
 */
export function differenceSample(state: RegisterState, sample: RegisterSample, rules: RegisterRules): Differenced {
  assertRegister("importWh", sample.importWh, rules.registerModulus);
  if (sample.exportWh !== undefined) assertRegister("exportWh", sample.exportWh, rules.registerModulus);
  if (!Number.isFinite(sample.time) || sample.time < 0) {
    throw new RangeError(`time: expected Unix seconds, got ${sample.time}`);
  }
  const slot = Math.round(sample.time / rules.slotSeconds);
  assertSlot(slot);
  if (Math.abs(sample.time - slot * rules.slotSeconds) > rules.boundaryToleranceSeconds) {
    return { state, readings: [], events: [] };
  }
  const results = [
    differenceDirection("import", state.import, { slot, registerWh: sample.importWh }, rules),
    ...(sample.exportWh === undefined
      ? []
      : [differenceDirection("export", state.export, { slot, registerWh: sample.exportWh }, rules)]),
  ];
  const [importResult, exportResult] = results;
  return {
    state: {
      ...state,
      ...(importResult === undefined ? {} : { import: importResult.boundary }),
      ...(exportResult === undefined ? {} : { export: exportResult.boundary }),
    },
    readings: results.flatMap((result) => result.reading ?? []),
    events: results.flatMap((result) => result.event ?? []),
  };
}

function differenceDirection(
  direction: "import" | "export",
  last: Boundary | undefined,
  current: Boundary,
  rules: RegisterRules,
): DirectionResult {
  if (last === undefined) return { boundary: current };
  if (current.slot <= last.slot) return { boundary: last };
  const slots = current.slot - last.slot;
  const range = { direction, from: last.slot, to: current.slot };
  const most = rules.maxIntervalWh * slots;
  const difference = current.registerWh - last.registerWh;
  const rolled = difference < 0 ? difference + rules.registerModulus : difference;
  // A register cannot run backwards: it either wrapped by a believable amount, or it was exchanged or reset.
  if (difference < 0 && rolled > most) return { boundary: current, event: { code: "reset", ...range } };
  if (rolled > most) return { boundary: current, event: { code: "implausible", ...range } };
  if (slots > 1) {
    const kind = direction === "import" ? KINDS.catchup : KINDS.catchupExport;
    return {
      boundary: current,
      reading: { kind, slot: current.slot - 1, energyWh: rolled },
      event: { code: "gap", ...range },
    };
  }
  const reading = { kind: KINDS[direction], slot: last.slot, energyWh: rolled };
  if (difference < 0) return { boundary: current, reading, event: { code: "rollover", ...range } };
  return { boundary: current, reading };
}

function assertRegister(name: string, value: number, modulus: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value >= modulus) {
    throw new RangeError(`${name}: expected an integer from 0 to ${modulus - 1}`);
  }
}
