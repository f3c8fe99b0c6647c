/** What somebody with an account has done, in the audit. */
import type { FastifyRequest } from "fastify";
import type { ApiContext } from "../context.ts";
import { addressOf } from "./gate.ts";

export function noteDone(
  { store, now }: Pick<ApiContext, "store" | "now">,
  request: FastifyRequest,
  action: string,
  detail: string,
): void {
  const account = request.account?.name ?? null;
  store.note({ at: Math.floor(now()), account, address: addressOf(request), action, outcome: "done", detail });
}
