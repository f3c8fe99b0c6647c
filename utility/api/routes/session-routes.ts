/** Signing in and out, and who one is. */
import { z } from "zod";
import { noteDone } from "../access/audit-note.ts";
import {
  addressOf,
  type GateOptions,
  goneSignal,
  isForeign,
  networkOf,
  SESSION_COOKIE,
  setSessionCookie,
} from "../access/gate.ts";
import { PASSWORD_MAX } from "../access/passwords.ts";
import { roleSchema, SIGNED_IN } from "../access/roles.ts";
import { newSecret } from "../access/secrets.ts";
import type { Account } from "../access/access-store.ts";
import type { ApiContext } from "../context.ts";
import { type Api, problem } from "../contract.ts";
import { Problem } from "../problem.ts";

const me = z
  .object({ name: z.string(), role: roleSchema, meters: z.array(z.string()).describe("A customer's meters") })
  .meta({ id: "Me" });

function meOf({ name, role, meters }: Account): z.infer<typeof me> {
  return { name, role, meters: [...meters] };
}

export function addSessionRoutes(app: Api, context: ApiContext, gate: GateOptions): void {
  const { store, passwords, now, config } = context;
  app.post(
    "/session",
    {
      config: {
        access: "public",
        rateLimit: {
          ...{ max: config.api.signInsPerMinute, timeWindow: 60_000 },
          // Whoever is signed in already has no more attempts than others; pages of other sites use up nobody's but their own.
          keyGenerator: (request) => `${isForeign(request) ? "foreign " : ""}sign-in ${networkOf(request)}`,
        },
      },
      schema: {
        operationId: "signIn",
        tags: ["session"],
        summary: "Sign in: sets the session cookie",
        body: z.object({ name: z.string().min(1).max(64), password: z.string().min(1).max(PASSWORD_MAX) }),
        response: { 200: me, 401: problem("Name or password is wrong."), 403: problem("A page of another site asks.") },
      },
    },
    async (request, reply) => {
      const { name, password } = request.body;
      const at = Math.floor(now());
      const entry = { at, account: name, address: addressOf(request), action: "sign-in" };
      const network = networkOf(request);
      const begun = store.signIns.begin(name, network, at);
      if ("waitSeconds" in begun) {
        const { waitSeconds } = begun;
        const detail = `too many attempts failed: try again in ${waitSeconds} s`;
        throw new Problem(429, "too-many-failures", detail, { retryAfter: waitSeconds });
      }
      const line = begun.isKnown ? "known" : "strange";
      let stored: string | undefined;
      try {
        const asker = { line, signal: goneSignal(reply) } as const;
        stored = await passwords.match(password, () => store.passwordOf(name), asker);
      } catch (error) {
        store.signIns.withdraw(begun);
        throw error;
      }
      const { secret, hash } = newSecret("session");
      const account = stored === undefined ? undefined : store.beginSession(hash, name, stored, at);
      if (account === undefined) {
        // A name that nobody has may be a password in the wrong field: those who read the audit do not learn it.
        const isKnown = store.account(name) !== undefined;
        const noted = isKnown ? { account: name, detail: "" } : { account: null, detail: "no such account" };
        store.note({ ...entry, ...noted, outcome: "refused" });
        throw new Problem(401, "wrong-credentials", "name or password is wrong");
      }
      store.signIns.succeeded(name, network, at);
      store.note({ ...entry, outcome: "done", detail: "" });
      setSessionCookie(reply, secret, gate);
      return meOf(account);
    },
  );

  app.get(
    "/session",
    {
      config: { access: SIGNED_IN },
      schema: { operationId: "getSession", tags: ["session"], summary: "Who one is", response: { 200: me } },
    },
    async ({ account }) => meOf(account!),
  );

  app.delete(
    "/session",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "signOut",
        tags: ["session"],
        summary: "Sign out: ends the session",
        response: { 204: z.null().describe("Ended.") },
      },
    },
    async (request, reply) => {
      const { kind, hash } = request.credential!;
      if (kind === "session") store.endSession(hash);
      noteDone(context, request, "sign-out", "");
      return reply.clearCookie(SESSION_COOKIE, { path: "/" }).code(204).send(null);
    },
  );
}
