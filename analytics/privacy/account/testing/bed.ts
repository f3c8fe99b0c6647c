/** What tests of the account, and the process that they kill, have in common. */
import { ORDERS, rdpVector } from "../../rdp/accountant.ts";
import { gaussianRdp } from "../../rdp/gaussian.ts";
import type { NoisedRelease } from "../release.ts";

export const TERMS = { epsilon: 4, delta: 1e-5 };

/** Two of these fit the budget, a third does not. */
export function roundOf(id: string, households: readonly string[], noise = 2): NoisedRelease {
  const { rdp } = rdpVector((order) => gaussianRdp({ noise }, order), 1, ORDERS);
  return { id, kind: "model-round", mechanism: { noise: "gaussian", multiplier: noise }, rdp, households };
}
