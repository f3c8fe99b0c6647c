/** Public names of the grid's messages: states, findings, requests and answers. */
export * from "./answers.ts";
export { type Finding, FINDING_KINDS, type FindingKind } from "./finding.ts";
export * from "./requests.ts";
export * from "./state.ts";
