/** What the configuration says of balances, for this system's slots. */
import type { Config } from "../../config/index.ts";
import type { DetectorSettings } from "./detector.ts";
import type { Line } from "./loss.ts";

export interface BalanceSettings {
  readonly graceSlots: number;
  readonly detector: DetectorSettings;
  /** The books of one feeder. */
  readonly lineOf: (feeder: string) => Line;
}

export function balanceSettings({ balance }: Pick<Config, "balance">, slotSeconds: number): BalanceSettings {
  const { graceSlots, blockMinutes, learnDays, falseAlarmsPerYear, toleranceW, toleranceShare, startShare } = balance;
  const { ohm, voltageV, powerFactor, noLoadW, meterW, feeders } = balance;
  const blockSlots = (blockMinutes * 60) / slotSeconds;
  return {
    graceSlots,
    detector: { slotSeconds, blockSlots, learnDays, falseAlarmsPerYear, toleranceW, toleranceShare, startShare },
    lineOf: (feeder) => {
      const own = feeders[feeder];
      return {
        ohm: own?.ohm ?? ohm,
        voltageV: own?.voltageV ?? voltageV,
        powerFactor: own?.powerFactor ?? powerFactor,
        noLoadW: own?.noLoadW ?? noLoadW,
        meterW,
      };
    },
  };
}
