import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert } from "../alerts/alert-store.ts";
import { apiBed, NOW } from "../testing/api-bed.ts";

type Shown = Alert & { readonly history: { readonly change: string; readonly account: string | null }[] };

test("an operator acknowledges and silences an alert; an auditor sees who did; a customer sees nothing", async (t) => {
  const { app, as, context, pass } = await apiBed(t);
  const live: string[] = [];
  context.live.listen(({ type, data }) => live.push(`${type} ${data}`));
  const see = (element: string, value: number): void =>
    context.alerts.observe({ signal: "branch-loading", at: 1_000, values: new Map([[element, { value }]]) });
  see("branch:4", 104);
  pass(60);
  see("branch:5", 130);
  const list = async (query: string): Promise<Shown[]> => {
    const answer = await app.inject({ url: `/alerts${query}`, headers: as("auditor") });
    assert.equal(answer.statusCode, 200, answer.body);
    return answer.json<{ items: Shown[] }>().items;
  };
  const elements = async (query: string): Promise<string[]> =>
    (await list(query)).map(({ rule, element }) => `${rule} ${element}`);
  assert.deepEqual(await elements("?state=firing"), ["overload branch:5", "overload branch:4"]);
  const [newest] = (await list("?state=firing")) as unknown as { above: number | null; below: number | null }[];
  assert.deepEqual([newest?.above, newest?.below], [100, null]);
  assert.deepEqual(await elements("?state=pending&severity=critical"), ["heavy-overload branch:5"]);
  assert.deepEqual(await elements(`?rule=overload&to=${NOW + 60}`), ["overload branch:4"]);
  const first = await app.inject({ url: "/alerts?limit=1&rule=overload", headers: as("operator") });
  const { next } = first.json<{ next: string }>();
  assert.deepEqual(await elements(`?limit=1&rule=overload&after=${next}`), ["overload branch:4"]);

  const [{ id }] = (await list("?rule=overload&state=firing")) as [Shown];
  const act = (method: "POST" | "DELETE", what: string, role: "operator" | "auditor" | "customer", payload?: object) =>
    app.inject({
      method,
      url: `/alerts/${id}/${what}`,
      headers: as(role),
      ...(payload === undefined ? {} : { payload }),
    });
  assert.equal((await act("POST", "acknowledge", "auditor", {})).statusCode, 403);
  assert.equal((await act("POST", "acknowledge", "customer", {})).statusCode, 403);
  const acknowledged = (await act("POST", "acknowledge", "operator", { comment: "crew sent" })).json<Shown>();
  assert.deepEqual([acknowledged.state, acknowledged.acknowledgedBy], ["acknowledged", "operator"]);
  assert.deepEqual(await elements("?state=open"), ["overload branch:5", "overload branch:4"]);
  const silenced = (await act("POST", "silence", "operator", { seconds: 600 })).json<Shown>();
  assert.deepEqual([silenced.state, silenced.silencedUntil], ["silenced", NOW + 660]);
  assert.equal((await act("POST", "silence", "operator", { seconds: 0 })).statusCode, 400);
  assert.equal((await act("DELETE", "silence", "operator")).json<Shown>().state, "acknowledged");
  const again = await act("DELETE", "silence", "operator");
  assert.deepEqual([again.statusCode, again.json<{ code: string }>().code], [409, "alert-state"]);
  see("branch:5", 20);
  assert.equal((await act("POST", "acknowledge", "operator", {})).statusCode, 409);
  const { history } = (await app.inject({ url: `/alerts/${id}`, headers: as("auditor") })).json<Shown>();
  assert.deepEqual(
    history.map(({ change, account }) => `${change} ${account}`),
    ["fired null", "acknowledged operator", "silenced operator", "unsilenced operator", "resolved null"],
  );
  assert.deepEqual(
    context.store.audit(3, undefined).map(({ account, action, detail }) => [account, action, detail]),
    ["unsilence-alert", "silence-alert", "acknowledge-alert"].map((action) => [
      "operator",
      action,
      "overload branch:5",
    ]),
  );
  const csv = await app.inject({ url: "/alerts?format=csv&rule=overload", headers: as("auditor") });
  assert.match(csv.body, /^id,rule,severity,signal,element,.*\n.*,overload,warning,branch-loading,branch:5,/);
  assert.equal(live.length, 6);
  assert.match(
    live[0]!,
    /^alert \{"topic":"wv\/1\/pub\/alert\/overload","message":\{.*"branch 4 carries 104 % of its rating"/,
  );
  const rules = await app.inject({ url: "/alerts/rules", headers: as("auditor") });
  assert.ok(rules.json<{ items: { name: string }[] }>().items.some(({ name }) => name === "liar"));
});
