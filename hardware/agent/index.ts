/** Public names of the meter agent. */
export { type AgentEvents, type AgentLink, type AgentOptions, type AgentSettings, MeterAgent, type MeterSecrets } from "./agent.ts";
export { type Gap, Outbox } from "./outbox.ts";
export { differenceSample, type RegisterEvent, type RegisterRules, type RegisterSample, type RegisterState } from "./register.ts";
export { agentSettings } from "./settings.ts";
