/** Public names of a meter's second connection. */
export type { BulkCourier } from "./bulk-courier.ts";
export type { Parcel } from "./bulk-session.ts";
export { bulkTurns, openBulk } from "./open.ts";
export type { Turns } from "./turns.ts";
