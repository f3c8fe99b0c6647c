/** The agent's settings as the configuration gives them. */
import type { Config } from "../../config/index.ts";
import type { AgentSettings } from "./agent-options.ts";

/** `threshold` is the one fixed at enrolment (the directory's t), which no file may change. */
export function agentSettings(config: Config, threshold: number): AgentSettings {
  const { batchSlots, maxSlotsPerMessage, outboxSlots, resendSeconds, maxInFlight, historyDays } = config.meter;
  const { boundaryTolerance, maxIntervalWh, registerModulus } = config.meter;
  return {
    role: config.meter.role,
    threshold,
    bits: config.sharing.bits,
    slotSeconds: config.system.slotSeconds,
    boundaryToleranceSeconds: boundaryTolerance * config.system.slotSeconds,
    maxIntervalWh,
    registerModulus,
    batchSlots,
    maxSlotsPerMessage,
    outboxSlots,
    resendSeconds,
    maxInFlight,
    historyDays,
  };
}
