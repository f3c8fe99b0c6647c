/** An alert of a detector, in words and as it is published. */
import type { Alert } from "../../protocol/messages/public.ts";
import type { AlertRow } from "../store/balances-store.ts";
import type { BalanceAlertKind } from "./detector.ts";

const WORDS: Readonly<Record<BalanceAlertKind, string>> = {
  imbalance: "more flows in than meters and losses explain",
  drift: "what flows in grows away from what meters and losses explain",
  jump: "one slot does not fit meters and losses at all",
  gaps: "slots without a balance are more frequent than usual",
};

export function balanceAlert({ feeder_id, kind, since, detected_at, size_w }: AlertRow): Alert {
  const size = size_w === null ? "" : `, ${size_w} W`;
  const words = size_w !== null && size_w < 0 ? "less flows in than the meters show" : WORDS[kind as BalanceAlertKind];
  const message = `feeder ${feeder_id}: ${words}, since ${new Date(since * 1_000).toISOString()}${size}`;
  return { time: detected_at, code: `balance-${kind}`, message, feederId: feeder_id, since, powerW: size_w };
}
