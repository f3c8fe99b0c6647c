/** Public names of the network model. */
export type { LinkClock } from "./clock.ts";
export { LINK_PRESETS, type LinkConditions, type LinkPreset, linkConditions } from "./conditions.ts";
export { Link, type LinkState, type Transfer } from "./link.ts";
export { type CutReason, type Relay, type RelayOptions, type RelayStats, startRelay } from "./relay.ts";
