/** Public names of the part of the meter that encrypts. */
export type { BulkLinkHandlers, ConnectBulk } from "./bulk-courier.ts";
export type { CiphertextAgent, CiphertextAgentEvents, CiphertextEvent } from "./ciphertext-agent.ts";
export { bulkSubscriptions, type CiphertextProcess, openCiphertexts } from "./open.ts";
