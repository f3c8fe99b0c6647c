/** Accounts, and the audit. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { meterId } from "../../../protocol/names.ts";
import type { Account } from "../access/access-store.ts";
import { noteDone } from "../access/audit-note.ts";
import { assertStill, type GateOptions, goneSignal } from "../access/gate.ts";
import { PASSWORD_MAX, PASSWORD_MIN } from "../access/passwords.ts";
import { ADMIN, OVERSIGHT, roleSchema } from "../access/roles.ts";
import type { ApiContext } from "../context.ts";
import {
  type Api,
  cursorOf,
  format,
  pageAnswers,
  pageOf,
  paging,
  problem,
  sendPage,
  unixSeconds,
} from "../contract.ts";
import { found, Problem } from "../problem.ts";

export const accountName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "letters a-z, digits, '.', '_' and '-', at most 64");
const newPassword = z.string().min(PASSWORD_MIN).max(PASSWORD_MAX);
const meters = z.array(meterId).max(10_000).describe("A customer's meters; nobody else has any");

const account = z
  .object({
    name: z.string(),
    role: roleSchema,
    meters: z.array(z.string()),
    disabled: z.boolean(),
    createdAt: unixSeconds,
  })
  .meta({ id: "Account" });
const auditEntry = z
  .object({
    id: z.int(),
    at: unixSeconds,
    account: z.string().nullable(),
    address: z.string(),
    action: z.string(),
    outcome: z.enum(["done", "refused"]),
    detail: z.string(),
  })
  .meta({ id: "AuditEntry" });

function accountOf({ name, role, meters: own, disabled, createdAt }: Account): z.infer<typeof account> {
  return { name, role, meters: [...own], disabled, createdAt };
}

function assertMeters(role: string, own: readonly string[]): void {
  if (role !== "customer" && own.length > 0) {
    throw new Problem(400, "meters-of-customers", `meters: a customer's account has meters, a ${role}'s has none`);
  }
}

export function addAccountRoutes(app: Api, context: ApiContext, gate: GateOptions): void {
  const { store, passwords, now } = context;
  /** Takes its time: whoever asked may have lost their rights since. */
  const hashed = async (password: string, request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const hash = await passwords.hash(password, { line: "known", signal: goneSignal(reply) });
    assertStill(request, gate);
    return hash;
  };
  const note = (request: FastifyRequest, action: string, detail: string): void =>
    noteDone(context, request, action, detail);

  app.get(
    "/accounts",
    {
      config: { access: OVERSIGHT },
      schema: {
        operationId: "listAccounts",
        tags: ["accounts"],
        summary: "All accounts",
        response: { 200: z.object({ items: z.array(account) }) },
      },
    },
    async () => ({ items: store.accounts().map(accountOf) }),
  );

  app.post(
    "/accounts",
    {
      config: { access: ADMIN },
      schema: {
        operationId: "addAccount",
        tags: ["accounts"],
        summary: "Add an account",
        body: z.object({ name: accountName, password: newPassword, role: roleSchema, meters: meters.default([]) }),
        response: { 201: account, 409: problem("There is an account of this name.") },
      },
    },
    async (request, reply) => {
      const { name, password, role, meters: own } = request.body;
      assertMeters(role, own);
      const added = { name, role, meters: own, disabled: false, createdAt: Math.floor(now()) };
      if (!store.addAccount(added, await hashed(password, request, reply))) {
        throw new Problem(409, "name-taken", `there is an account ${name}`);
      }
      note(request, "add-account", `${name} (${role})`);
      return await reply.code(201).send(accountOf(found("account", store.account(name))));
    },
  );

  app.patch(
    "/accounts/:name",
    {
      config: { access: ADMIN },
      schema: {
        operationId: "changeAccount",
        tags: ["accounts"],
        summary: "Change an account; its sessions end",
        description: "A new password, another role, disabling and enabling also revoke its API tokens.",
        params: z.object({ name: accountName }),
        body: z
          .object({ password: newPassword, role: roleSchema, disabled: z.boolean(), meters })
          .partial()
          .refine((change) => Object.keys(change).length > 0, "nothing to change"),
        response: { 200: account },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { password, ...change } = request.body;
      const hash = password === undefined ? undefined : await hashed(password, request, reply);
      const before = found(`account ${name}`, store.account(name));
      if (
        name === request.account!.name &&
        (change.disabled === true || (change.role ?? before.role) !== before.role)
      ) {
        throw new Problem(400, "own-account", "nobody takes their own rights away: another admin has to");
      }
      const role = change.role ?? before.role;
      assertMeters(role, change.meters ?? (change.role === undefined ? before.meters : []));
      const cleared = role === "customer" ? change.meters : [];
      store.changeAccount(name, { ...change, meters: cleared, password: hash });
      const what = [...Object.keys(change), ...(password === undefined ? [] : ["password"])];
      note(request, "change-account", `${name}: ${what.join(", ")}`);
      return accountOf(found(`account ${name}`, store.account(name)));
    },
  );

  app.delete(
    "/accounts/:name",
    {
      config: { access: ADMIN },
      schema: {
        operationId: "removeAccount",
        tags: ["accounts"],
        summary: "Remove an account, its sessions and tokens",
        params: z.object({ name: accountName }),
        response: { 204: z.null().describe("Removed.") },
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      if (name === request.account!.name) throw new Problem(400, "own-account", "nobody removes their own account");
      if (!store.removeAccount(name)) throw new Problem(404, "not-found", `there is no account ${name}`);
      note(request, "remove-account", name);
      return await reply.code(204).send(null);
    },
  );

  app.get(
    "/audit",
    {
      config: { access: OVERSIGHT },
      schema: {
        operationId: "listAudit",
        tags: ["accounts"],
        summary: "What was done with accounts and by operators, newest first",
        querystring: z.object({ ...paging, ...format }),
        response: { 200: pageAnswers(auditEntry, "A page of the audit.") },
      },
    },
    async ({ query }, reply) => {
      const [before] = cursorOf(query.after, z.int()) ?? [];
      const page = pageOf(
        store.audit(query.limit + 1, before),
        query.limit,
        ({ id }) => [id],
        (row) => row,
      );
      return sendPage(reply, query, page);
    },
  );
}
