/** Which alerts somebody has to look at. */
import type { Item } from "../api/client.ts";

export function isOpen({ state }: Pick<Item<"listAlerts">, "state">): boolean {
  return state !== "resolved" && state !== "pending";
}
