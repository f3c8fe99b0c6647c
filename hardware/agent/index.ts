/** Public names of the meter agent. */
export { MeterAgent } from "./agent.ts";
export type { AgentEvents, AgentLink, AgentOptions, AgentSettings, MeterSecrets } from "./agent-options.ts";
export { type Gap, Outbox } from "./outbox.ts";
export type { RegisterEvent, RegisterRules, RegisterSample, RegisterState } from "./register.ts";
export { agentSettings } from "./settings.ts";
export { meterLastWill, meterSubscriptions } from "./greeting.ts";
