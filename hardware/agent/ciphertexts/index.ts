/** Public names of the part of the meter that encrypts. */
export type { CiphertextAgent, CiphertextAgentEvents, CiphertextEvent } from "./ciphertext-agent.ts";
export { type CiphertextProcess, openCiphertexts } from "./open.ts";
