/** Which alerts somebody has to look at. */
import type { Item } from "../api/client.ts";

type Stated = Pick<Item<"listAlerts">, "state">;

/** Beyond its limit, not yet for as long as its rule says: nobody was told, and it goes without a trace. */
export function isPending({ state }: Stated): boolean {
  return state === "pending";
}

export function isOver({ state }: Stated): boolean {
  return state === "resolved";
}
