/** API tokens: one's own, and for those who oversee accounts everybody's. The secret is shown once, to whoever makes it. */
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { noteDone } from "../access/audit-note.ts";
import { ADMIN, OVERSIGHT, SIGNED_IN } from "../access/roles.ts";
import { newSecret } from "../access/secrets.ts";
import type { ApiContext } from "../context.ts";
import { type Api, unixSeconds } from "../contract.ts";
import { found, Problem } from "../problem.ts";
import { accountName } from "./account-routes.ts";

const token = z
  .object({
    id: z.string(),
    label: z.string(),
    createdAt: unixSeconds,
    expiresAt: unixSeconds,
    lastUsed: unixSeconds.nullable(),
  })
  .meta({ id: "Token" });

const DAY = 86_400;

export function addTokenRoutes(app: Api, context: ApiContext): void {
  const { store, now } = context;
  const tokensOf = (name: string) => store.tokens.of(name).map(({ account: _, ...row }) => row);
  const note = (request: FastifyRequest, action: string, detail: string): void =>
    noteDone(context, request, action, detail);

  app.get(
    "/accounts/:name/tokens",
    {
      config: { access: OVERSIGHT },
      schema: {
        operationId: "listTokensOf",
        tags: ["accounts"],
        summary: "API tokens of an account",
        params: z.object({ name: accountName }),
        response: { 200: z.object({ items: z.array(token) }) },
      },
    },
    async ({ params: { name } }) => {
      found(`account ${name}`, store.account(name));
      return { items: tokensOf(name) };
    },
  );

  app.delete(
    "/accounts/:name/tokens/:id",
    {
      config: { access: ADMIN },
      schema: {
        operationId: "removeTokenOf",
        tags: ["accounts"],
        summary: "Revoke an API token of an account",
        params: z.object({ name: accountName, id: z.uuid() }),
        response: { 204: z.null().describe("Revoked.") },
      },
    },
    async (request, reply) => {
      const { name, id } = request.params;
      if (!store.tokens.remove(name, id)) throw new Problem(404, "not-found", `there is no such token of ${name}`);
      note(request, "remove-token", `${name}: ${id}`);
      return await reply.code(204).send(null);
    },
  );

  app.get(
    "/tokens",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "listTokens",
        tags: ["accounts"],
        summary: "API tokens of one's own account",
        response: { 200: z.object({ items: z.array(token) }) },
      },
    },
    async (request) => ({ items: tokensOf(request.account!.name) }),
  );

  app.post(
    "/tokens",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "addToken",
        tags: ["accounts"],
        summary: "Make an API token: it is shown this once",
        body: z.object({ label: z.string().min(1).max(100), days: z.int().min(1).max(3_650).default(90) }),
        response: { 201: token.extend({ token: z.string() }) },
      },
    },
    async (request, reply) => {
      const { label, days } = request.body;
      const at = Math.floor(now());
      const { secret, hash } = newSecret("token");
      const { account: owner, ...row } = store.tokens.add(
        hash,
        { account: request.account!.name, label, expiresAt: at + days * DAY },
        at,
      );
      note(request, "add-token", `${owner}: ${label}`);
      return await reply.code(201).send({ ...row, token: secret });
    },
  );

  app.delete(
    "/tokens/:id",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "removeToken",
        tags: ["accounts"],
        summary: "Revoke an API token",
        params: z.object({ id: z.uuid() }),
        response: { 204: z.null().describe("Revoked.") },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!store.tokens.remove(request.account!.name, id))
        throw new Problem(404, "not-found", "there is no such token");
      note(request, "remove-token", id);
      return await reply.code(204).send(null);
    },
  );
}
