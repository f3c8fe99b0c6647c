/** Every operation of the document, asked as it allows and as it does not, by everybody: it answers as it says it does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { z } from "zod";
import { type ApiRole, ROLES } from "./access/roles.ts";
import { apiBed } from "./testing/api-bed.ts";
import { type FuzzRequest, type JsonSchema, type Operation, requestsOf } from "./testing/fuzz-requests.ts";

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

const RUNS = 25;
/** They take a tenth of a second: passwords. */
const SLOW: readonly string[] = ["signIn", "addAccount", "changeAccount"];
/** The one never ends, the other ends whom the rest is asked as. */
const LEFT_OUT: readonly string[] = ["streamEvents", "signOut"];

test("no operation fails or answers what it does not document, whatever it is asked", async (t) => {
  const { app, as, context } = await apiBed(t);
  context.alerts.observe({ signal: "branch-loading", at: 1, values: new Map([["branch:1", { value: 130 }]]) });
  const firing = context.alerts.store.open(0).find(({ state }) => state === "firing")!.id;
  const document: Document = (await app.inject("/openapi.json")).json();
  const named = document.components.schemas;
  const checks = new Map<string, z.ZodType>();
  /** Whether a body is as a schema of the document has it. */
  const check = (schema: JsonSchema): z.ZodType => {
    const key = JSON.stringify(schema);
    const known = checks.get(key);
    if (known !== undefined) return known;
    const whole = JSON.stringify({ ...schema, $defs: named }).replaceAll("#/components/schemas/", "#/$defs/");
    const made = z.fromJSONSchema(JSON.parse(whole) as never);
    checks.set(key, made);
    return made;
  };

  const statuses = new Set<string>();
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const { operationId, responses } = operation;
      if (LEFT_OUT.includes(operationId)) continue;
      const ask = async (role: ApiRole | undefined, request: FuzzRequest): Promise<void> => {
        const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
          encodeURIComponent(wellFormed(request.path[name])),
        );
        const answer = await app.inject({
          method: method.toUpperCase() as "GET",
          url,
          query: Object.fromEntries(Object.entries(request.query).map(([name, value]) => [name, wellFormed(value)])),
          headers: {
            ...(role === undefined ? {} : as(role)),
            ...(request.body === undefined ? {} : { "content-type": "application/json" }),
          },
          ...(request.body === undefined ? {} : { payload: JSON.stringify(request.body) }),
        });
        const { statusCode, body } = answer;
        const told = `${operationId} as ${role ?? "nobody"}: ${statusCode} ${body.slice(0, 500)}`;
        // A path whose part is empty is another route's, or nobody's.
        const documented = responses[String(statusCode)] ?? (url.includes("//") || url.endsWith("/") ? {} : undefined);
        assert.ok(documented !== undefined, told);
        assert.ok(statusCode < 500 || statusCode === 503 || statusCode === 504, told);
        statuses.add(`${operationId} ${statusCode}`);
        const type = String(answer.headers["content-type"]).split(";")[0]!;
        const schema = documented.content?.[type]?.schema;
        if (body === "" || schema === undefined) return;
        const parsed = check(schema).safeParse(type.endsWith("json") ? answer.json() : body);
        assert.ok(parsed.success, `${told}\n${parsed.success ? "" : z.prettifyError(parsed.error)}`);
      };
      const someone = fc.constantFrom<(ApiRole | undefined)[]>(undefined, ...ROLES);
      await fc.assert(fc.asyncProperty(someone, requestsOf(operation, named), ask), {
        seed: 1,
        numRuns: SLOW.includes(operationId) ? 8 : RUNS,
      });
      // What is there, too: nobody makes up its id.
      if (path.startsWith("/alerts/{id}")) {
        for (const role of ROLES)
          await ask(role, { path: { id: firing }, query: {}, body: { seconds: 60, comment: "x" } });
      }
    }
  }
  for (const one of ["listAlerts 200", "listAlerts 400", "listAlerts 403", "addToken 201", "silenceAlert 200"]) {
    assert.ok(statuses.has(one), `${one} was among the answers`);
  }
});

/** As it can stand in an address: a lone surrogate cannot. */
function wellFormed(value: unknown): string {
  return Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("utf8");
}
