/** The fixed traits of a home: drawn once from (seed, meter), the same in every process that simulates this meter. */
import type { ApplianceModel } from "./appliances.ts";
import type { LoadModelOptions } from "./model-options.ts";
import { type Name, nameOf, PURPOSES, RandomStream } from "./random.ts";

/** A load that runs in cycles: on for a part of each period. */
export interface Cycler {
  readonly powerW: number;
  readonly periodSeconds: number;
  readonly phaseSeconds: number;
}

export interface Home {
  readonly name: Name;
  /** Consumption of a year without heat pump and car. */
  readonly annualKwh: number;
  /** Mean power of fridge and freezer. */
  readonly fridgeMeanW: number;
  readonly fridge: Cycler;
  /** Bit i: appliance i is owned. */
  readonly owned: number;
  /** Positive: more load in the evening; negative: in the morning. */
  readonly eveningTilt: number;
  readonly heatPump: (Cycler & { readonly lossWPerK: number }) | undefined;
  readonly ev: { readonly chargerW: number; readonly arrivalHour: number } | undefined;
  readonly pv: { readonly peakKw: number; readonly yield: number } | undefined;
}

/** Draws a home. All draws are made in one order whatever the outcome, so that changing a share moves few homes. */
export function drawHome(
  seed: Name,
  meter: string,
  options: LoadModelOptions,
  models: readonly ApplianceModel[],
): Home {
  const name = nameOf(meter);
  const stream = new RandomStream().enter(seed, name, 0, PURPOSES.home);
  const annualKwh = stream.logNormal(options.annualKwhMean, options.annualKwhSigma);
  const fridgeKwh = Math.min(stream.between(...options.fridgeKwhRange), options.fridgeMaxShare * annualKwh);
  const fridge = cycler(stream, stream.between(70, 130), 2400, 4200);
  const eveningTilt = options.eveningTilt * stream.between(-1, 1);
  let owned = 0;
  for (const [i, model] of models.entries()) {
    if (stream.uniform() < model.appliance.ownedBy) owned |= 1 << i;
  }
  const hasHeatPump = stream.uniform() < options.heatPumpShare;
  const lossWPerK = stream.between(...options.heatLossWPerKRange);
  // Sized for 30 K below the heating limit at a coefficient of performance of 2.2.
  const heatPump = { ...cycler(stream, (lossWPerK * 30 + options.hotWaterW) / 2.2, 1800, 3600), lossWPerK };
  const hasEv = stream.uniform() < options.evShare;
  const chargerW = options.evChargerW[Math.floor(stream.uniform() * options.evChargerW.length)] ?? 3700;
  const ev = { chargerW, arrivalHour: stream.between(16.5, 19.5) };
  const hasPv = stream.uniform() < options.pvShare;
  const pv = { peakKw: stream.between(...options.pvPeakWRange) / 1000, yield: stream.between(...options.pvYieldRange) };
  return {
    name,
    annualKwh,
    fridgeMeanW: (fridgeKwh * 1000) / 8760,
    fridge,
    owned,
    eveningTilt,
    heatPump: hasHeatPump ? heatPump : undefined,
    ev: hasEv ? ev : undefined,
    pv: hasPv ? pv : undefined,
  };
}

function cycler(stream: RandomStream, powerW: number, shortest: number, longest: number): Cycler {
  const periodSeconds = stream.between(shortest, longest);
  return { powerW, periodSeconds, phaseSeconds: stream.uniform() * periodSeconds };
}

/** Heat out per electricity in, by outdoor temperature: a straight line through typical air-to-water figures. */
export function coefficientOfPerformance(outdoorC: number): number {
  return Math.min(5, Math.max(1.8, 2.7 + 0.07 * outdoorC));
}
