import assert from "node:assert/strict";
import { test } from "node:test";
import { type ApiRole, ROLES } from "./access/roles.ts";
import { apiBed, NOW, PASSWORD } from "./testing/api-bed.ts";

interface Operation {
  readonly operationId?: string;
  readonly security?: readonly unknown[];
  readonly description?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly schema: { readonly type?: string; readonly format?: string };
  }[];
  readonly requestBody?: unknown;
  readonly responses: Record<string, unknown>;
}
type Paths = Record<string, Record<string, Operation>>;

/** Who may, by operation: written out here once more, by hand, so that a slip in a route shows. */
const MATRIX: Record<string, "public" | readonly ApiRole[]> = {
  getHealth: "public",
  signIn: "public",
  getCheckpoint: "public",
  getPolicy: "public",
  listEntries: "public",
  proveEntry: "public",
  proveConsistency: "public",
  getSession: ROLES,
  signOut: ROLES,
  listTokens: ROLES,
  addToken: ROLES,
  removeToken: ROLES,
  listFeeders: ROLES,
  listLoads: ROLES,
  listResults: ROLES,
  getResult: ROLES,
  listModelRounds: ROLES,
  getTradeoff: ROLES,
  getShowcase: ROLES,
  getSystem: ROLES,
  streamEvents: ROLES,
  listBills: ["customer", "auditor"],
  getBill: ["customer", "auditor"],
  getReceipt: ["customer", "auditor"],
  listBalances: ["operator", "auditor", "admin"],
  listRounds: ["operator", "auditor", "admin"],
  getRound: ["operator", "auditor", "admin"],
  listDetections: ["operator", "auditor", "admin"],
  listAlerts: ["operator", "auditor", "admin"],
  listAlertRules: ["operator", "auditor", "admin"],
  getAlert: ["operator", "auditor", "admin"],
  acknowledgeAlert: ["operator", "admin"],
  silenceAlert: ["operator", "admin"],
  unsilenceAlert: ["operator", "admin"],
  getGridState: ["operator", "auditor", "admin"],
  getGridTopology: ["operator", "auditor", "admin"],
  getGridNode: ["operator", "auditor", "admin"],
  listGridRisks: ["operator", "auditor", "admin"],
  listGridLosses: ["operator", "auditor", "admin"],
  getGridStatistics: ["operator", "auditor", "admin"],
  getGridPaths: ["operator", "auditor", "admin"],
  getGridForecast: ["operator", "auditor", "admin"],
  getGridMaintenance: ["operator", "auditor", "admin"],
  getGridRenewables: ["operator", "auditor", "admin"],
  optimizeGrid: ["operator", "admin"],
  getMetrics: ["operator", "auditor", "admin"],
  listAccounts: ["auditor", "admin"],
  listAudit: ["auditor", "admin"],
  addAccount: ["admin"],
  changeAccount: ["admin"],
  removeAccount: ["admin"],
  listTokensOf: ["auditor", "admin"],
  removeTokenOf: ["admin"],
};

const EXAMPLES: Record<string, string> = {
  meter: "m-001",
  feeder: "f-1",
  period: "2026-01-01",
  id: "00000000-0000-4000-8000-000000000000",
  name: "nobody",
  job: "j-1",
  index: "0",
};

test("every role against every operation of the document", async (t) => {
  const { app, as } = await apiBed(t);
  const document: { paths: Paths } = (await app.inject("/openapi.json")).json();
  const seen: string[] = [];
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const id = operation.operationId ?? `${method} ${path}`;
      if (id === "streamEvents") {
        seen.push(id); // never ends: asked over a real connection elsewhere
        continue;
      }
      seen.push(id);
      const access = MATRIX[id];
      assert.ok(access !== undefined, `${id} is in the matrix`);
      const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => EXAMPLES[name] ?? "x");
      const ask = async (headers: Record<string, string>): Promise<number> => {
        const answer = await app.inject({
          method: method.toUpperCase() as "GET",
          url,
          headers,
          ...(operation.requestBody === undefined ? {} : { payload: {} }),
        });
        assert.ok(
          String(answer.statusCode) in operation.responses,
          `${id} answers ${answer.statusCode}, undocumented: ${answer.body}`,
        );
        if (answer.statusCode >= 400)
          assert.match(String(answer.headers["content-type"]), /^application\/problem\+json/);
        return answer.statusCode;
      };
      const anonymous = await ask({});
      if (access === "public") assert.notEqual(anonymous, 403, id);
      else assert.equal(anonymous, 401, `${id} without an account`);
      for (const role of ROLES) {
        if (id === "signOut" || id === "signIn") continue;
        const status = await ask(as(role));
        const may: boolean = access === "public" || access.includes(role);
        assert.equal(status === 403 || status === 401, !may, `${id} as ${role}: ${status}`);
      }
    }
  }
  assert.deepEqual(seen.toSorted(), Object.keys(MATRIX).toSorted());
});

test("signing in: wrong passwords, ended and disabled sessions, sign-out", async (t) => {
  const { app, as, pass, context } = await apiBed(t);
  const post = (payload: object) => app.inject({ method: "POST", url: "/session", payload });
  const wrong = await post({ name: "admin", password: "wrong wrong wrong" });
  assert.equal(wrong.statusCode, 401);
  assert.deepEqual(wrong.json(), {
    ...{ type: "about:blank", title: "Unauthorized", status: 401, code: "wrong-credentials" },
    detail: "name or password is wrong",
  });
  const nobody = await post({ name: "nobody", password: "wrong wrong wrong" });
  assert.equal(nobody.body, wrong.body, "whether an account exists is not told");
  const [cookie] = (await post({ name: "operator", password: PASSWORD })).cookies;
  assert.ok(cookie?.httpOnly === true && cookie.sameSite === "Strict");
  const me = async (headers: Record<string, string>) => (await app.inject({ url: "/session", headers })).statusCode;
  assert.equal(await me(as("operator")), 200);
  await app.inject({ method: "DELETE", url: "/session", headers: as("operator") });
  assert.equal(await me(as("operator")), 401, "signed out");
  await app.inject({ method: "PATCH", url: "/accounts/auditor", headers: as("admin"), payload: { disabled: true } });
  assert.equal(await me(as("auditor")), 401, "disabled");
  assert.equal((await post({ name: "auditor", password: PASSWORD })).statusCode, 401);
  pass(context.config.api.sessionIdleSeconds + 1);
  assert.equal(await me(as("admin")), 401, "idle for too long");
  assert.deepEqual(
    context.store.audit(4, undefined).map(({ account, action, outcome, detail }) => [account, action, outcome, detail]),
    [
      ["auditor", "sign-in", "refused", ""],
      ["admin", "change-account", "done", "auditor: disabled"],
      ["operator", "sign-out", "done", ""],
      ["operator", "sign-in", "done", ""],
    ],
  );
});

test("a name that fails too often is not tried any more, not even with the right password", async (t) => {
  const { app, pass } = await apiBed(t);
  const signIn = (password: string) =>
    app.inject({ method: "POST", url: "/session", payload: { name: "admin", password } });
  for (let i = 0; i < 20; i++) assert.equal((await signIn("wrong wrong wrong")).statusCode, 401);
  const refused = await signIn(PASSWORD);
  assert.equal(refused.statusCode, 429);
  assert.equal(refused.headers["retry-after"], "900");
  pass(901);
  assert.equal((await signIn(PASSWORD)).statusCode, 200);
});

test("whoever knows a name shuts its owner out nowhere else", async (t) => {
  const { app } = await apiBed(t);
  const signIn = (password: string, remoteAddress: string) =>
    app.inject({ method: "POST", url: "/session", remoteAddress, payload: { name: "admin", password } });
  const statuses = async (count: number, addressOf: (i: number) => string): Promise<Set<number>> => {
    const seen = new Set<number>();
    for (let i = 0; i < count; i++) seen.add((await signIn("wrong wrong wrong", addressOf(i))).statusCode);
    return seen;
  };
  assert.equal((await signIn(PASSWORD, "192.0.2.1")).statusCode, 200);
  assert.deepEqual(await statuses(21, () => "198.51.100.9"), new Set([401, 429]));
  assert.equal((await signIn(PASSWORD, "203.0.113.5")).statusCode, 200, "from elsewhere");
  // One IPv6 household has more addresses than anybody can try.
  assert.deepEqual(await statuses(21, (i) => `2001:db8::${i + 1}`), new Set([401, 429]));
  const strange = await signIn(PASSWORD, "203.0.113.6");
  assert.equal(strange.statusCode, 429, "guesses from many networks make strangers wait");
  assert.ok(Number(strange.headers["retry-after"]) <= 60);
  assert.equal((await signIn(PASSWORD, "192.0.2.1")).statusCode, 200, "and nobody who was there before");
});

test("those who are not signed in are counted, too, and so are those who ask for nothing that there is", async (t) => {
  const { app } = await apiBed(t, { requestsPerMinute: 3 });
  const ask = async (url: string, remoteAddress: string, headers = {}): Promise<number[]> => {
    const statuses: number[] = [];
    for (let i = 0; i < 5; i++) statuses.push((await app.inject({ url, remoteAddress, headers })).statusCode);
    return statuses;
  };
  assert.deepEqual(await ask("/bills", "192.0.2.1"), [401, 401, 401, 429, 429]);
  const authorization = "Bearer wvt_wrong";
  assert.deepEqual(await ask("/bills", "192.0.2.2", { authorization }), [401, 401, 401, 429, 429]);
  assert.deepEqual(await ask("/nothing", "192.0.2.3"), [404, 404, 404, 429, 429]);
});

test("nothing that takes an account is kept by a browser or a proxy, not even its refusal", async (t) => {
  const { app, as } = await apiBed(t);
  const cached = async (url: string, headers = {}): Promise<unknown> =>
    (await app.inject({ url, headers })).headers["cache-control"];
  for (const url of ["/bills", "/bills/m-001/2026-01-01/receipt", "/session", "/feeders", "/audit", "/grid/state"]) {
    assert.equal(await cached(url, as("auditor")), "no-store", url);
    assert.equal(await cached(url), "no-store", `${url} without an account`);
  }
  const signedIn = await app.inject({
    ...{ method: "POST", url: "/session", payload: { name: "admin", password: PASSWORD } },
  });
  assert.equal(signedIn.headers["cache-control"], "no-store");
  assert.equal(await cached("/log/entries"), undefined, "the log is for anyone");
});

test("a client's address is taken from proxies that the configuration names, and from nobody else", async (t) => {
  const { app, as, context } = await apiBed(t, { trustProxy: ["10.1.0.0/16", "127.0.0.1"] });
  const headers = as("operator");
  const addressAfter = async (remoteAddress: string, forwarded: string): Promise<string | undefined> => {
    const payload = { label: "x" };
    const sent = { ...headers, "x-forwarded-for": forwarded };
    await app.inject({ method: "POST", url: "/tokens", headers: sent, remoteAddress, payload });
    return context.store.audit(1, undefined)[0]?.address;
  };
  assert.equal(await addressAfter("10.1.2.3", "6.6.6.6, 192.0.2.9"), "192.0.2.9", "what was made up stands before it");
  assert.equal(await addressAfter("10.1.2.3", "192.0.2.9, 10.1.0.7"), "192.0.2.9", "one proxy behind another");
  assert.equal(await addressAfter("192.0.2.1", "6.6.6.6"), "192.0.2.1", "beside the proxies");
});

test("the audit forgets what is too old, a slice at a time, and says up to where", async (t) => {
  const { app, as, pass, context } = await apiBed(t, { auditDays: 1, sessionIdleSeconds: 2_592_000 });
  const { store } = context;
  const entry = { account: "eva", address: "", action: "sign-in", outcome: "refused", detail: "" } as const;
  for (let i = 0; i < 1_500; i++) store.note({ ...entry, at: NOW });
  pass(86_401);
  store.note({ ...entry, at: NOW + 86_401 });
  const oldest = async (): Promise<unknown> => {
    await app.inject({ url: "/session", headers: as("operator") });
    return store.audit(10_000, undefined).at(-1)!.id;
  };
  assert.equal(await oldest(), 1_001);
  // Four accounts have signed in before.
  assert.equal(await oldest(), 1_505);
  assert.equal(await oldest(), 1_505);
  const before = new Date((NOW + 1) * 1_000).toISOString();
  assert.deepEqual(
    store.audit(10, undefined).map(({ id, action, detail }) => `${id} ${action} ${detail}`.trim()),
    [
      `1507 prune-audit entries up to 1504, from before ${before}`,
      `1506 prune-audit entries up to 1000, from before ${before}`,
      "1505 sign-in",
    ],
  );
});

test("requests beyond the limit are refused with the time to wait", async (t) => {
  const { app } = await apiBed(t, { requestsPerMinute: 5 });
  let last = await app.inject("/log/entries");
  for (let i = 0; i < 6; i++) last = await app.inject("/log/entries");
  assert.equal(last.statusCode, 429);
  assert.equal(last.json<{ code: string }>().code, "too-many-requests");
  assert.ok(Number(last.headers["retry-after"]) > 0);
  assert.equal((await app.inject("/health")).statusCode, 200, "who watches the health is not limited");
});

test("cookies count only for our own pages; tokens need no page", async (t) => {
  const { app, as } = await apiBed(t);
  const add = (headers: Record<string, string>) =>
    app.inject({
      method: "POST",
      url: "/tokens",
      headers: { host: "grid.example", ...headers },
      payload: { label: "x" },
    });
  const foreign = await add({ ...as("operator"), origin: "https://evil.example" });
  assert.equal(foreign.statusCode, 403);
  assert.equal(foreign.json<{ code: string }>().code, "cross-site");
  assert.equal((await add({ ...as("operator"), "sec-fetch-site": "cross-site" })).statusCode, 403);
  assert.equal((await add({ ...as("operator"), origin: "null" })).statusCode, 403);
  const own = await add({ ...as("operator"), origin: "http://grid.example", "sec-fetch-site": "same-origin" });
  assert.equal(own.statusCode, 201);
  const { token, id } = own.json<{ token: string; id: string }>();
  const authorization = `Bearer ${token}`;
  assert.equal((await add({ authorization })).statusCode, 201);
  assert.equal((await app.inject({ url: "/rounds", headers: { authorization } })).statusCode, 200);
  assert.equal((await app.inject({ url: "/accounts", headers: { authorization } })).statusCode, 403);
  const bad = { ...as("admin"), authorization: "Bearer wvt_wrong" };
  assert.equal((await app.inject({ url: "/accounts", headers: bad })).statusCode, 401, "a cookie does not mend it");
  await app.inject({ method: "DELETE", url: `/tokens/${id}`, headers: as("operator") });
  assert.equal((await app.inject({ url: "/rounds", headers: { authorization } })).statusCode, 401, "revoked");
});

test("pages of other sites sign nobody in, and use up nobody's attempts", async (t) => {
  const { app } = await apiBed(t, { signInsPerMinute: 4 });
  const signIn = (headers: Record<string, string>) =>
    app.inject({
      method: "POST",
      url: "/session",
      remoteAddress: "192.0.2.9",
      headers: { host: "grid.example", ...headers },
      payload: { name: "operator", password: PASSWORD },
    });
  const evil = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
  const statuses: number[] = [];
  for (let i = 0; i < 5; i++) {
    const { statusCode, headers } = await signIn(evil);
    assert.equal(headers["set-cookie"], undefined);
    statuses.push(statusCode);
  }
  assert.deepEqual(statuses, [403, 403, 403, 403, 429]);
  const own = await signIn({ origin: "http://grid.example", "sec-fetch-site": "same-origin" });
  assert.equal(own.statusCode, 200);
  assert.equal((await signIn({})).statusCode, 200, "a program says nothing of where it is");
});

test("accounts: added, changed, removed; nobody takes their own rights away", async (t) => {
  const { app, as } = await apiBed(t);
  const headers = as("admin");
  const payload = { name: "anna", password: "a long password", role: "customer", meters: ["m-002", "m-003"] };
  const added = await app.inject({ method: "POST", url: "/accounts", headers, payload });
  assert.equal(added.statusCode, 201);
  assert.deepEqual(added.json(), {
    name: "anna",
    role: "customer",
    meters: ["m-002", "m-003"],
    disabled: false,
    createdAt: NOW,
  });
  assert.equal((await app.inject({ method: "POST", url: "/accounts", headers, payload })).statusCode, 409);
  const patch = (name: string, change: object) =>
    app.inject({ method: "PATCH", url: `/accounts/${name}`, headers, payload: change });
  assert.deepEqual((await patch("anna", { role: "operator" })).json<{ meters: string[] }>().meters, []);
  const stray = await patch("anna", { meters: ["m-001"] });
  assert.equal(stray.statusCode, 400);
  assert.match(stray.json<{ detail: string }>().detail, /a customer's account has meters, a operator's has none/);
  assert.equal((await patch("admin", { disabled: true })).json<{ code: string }>().code, "own-account");
  assert.equal((await patch("nobody", { disabled: true })).statusCode, 404);
  const short = await patch("anna", { password: "short" });
  assert.equal(short.statusCode, 400);
  assert.deepEqual(
    short.json<{ errors: { field: string }[] }>().errors.map(({ field }) => field),
    ["body.password"],
  );
  assert.equal((await app.inject({ method: "DELETE", url: "/accounts/anna", headers })).statusCode, 204);
  assert.equal((await app.inject({ method: "DELETE", url: "/accounts/admin", headers })).statusCode, 400);
});

test("bad input is a problem that names it: no JSON, another type, too large, no such route", async (t) => {
  const { app, as } = await apiBed(t);
  const send = (payload: string, type: string) =>
    app.inject({ method: "POST", url: "/tokens", headers: { ...as("admin"), "content-type": type }, payload });
  assert.equal((await send("{", "application/json")).statusCode, 400);
  assert.equal((await send("label=x", "application/x-www-form-urlencoded")).statusCode, 415);
  assert.equal((await send(JSON.stringify({ label: "x" }), "text/plain")).statusCode, 415);
  const list = await send("[]", "application/json");
  assert.match(list.json<{ detail: string }>().detail, /^body: Invalid input: expected object, received array/);
  assert.equal((await send(JSON.stringify({ label: "x".repeat(2_000_000) }), "application/json")).statusCode, 413);
  const missing = await app.inject("/no/such/route");
  assert.equal(missing.statusCode, 404);
  assert.match(String(missing.headers["content-type"]), /^application\/problem\+json/);
  const query = await app.inject({ url: "/bills?limit=0&period=2026-02-30", headers: as("auditor") });
  assert.deepEqual(
    query
      .json<{ errors: { field: string }[] }>()
      .errors.map(({ field }) => field)
      .toSorted(),
    ["querystring.limit", "querystring.period"],
  );
  for (const text of ["", "0x10", "1e0", "+1", " 1", "1,0"]) {
    const asked = await app.inject({ url: "/bills", query: { limit: text }, headers: as("auditor") });
    assert.equal(asked.statusCode, 400, JSON.stringify(text));
    const from = await app.inject({ url: "/feeders/f-1/loads", query: { from: text }, headers: as("auditor") });
    assert.equal(from.statusCode, 400, JSON.stringify(text));
  }
  assert.equal((await app.inject({ url: "/grid/node/0x1", headers: as("operator") })).statusCode, 400);
  const cursor = await app.inject({ url: "/bills?after=bm90aGluZw", headers: as("auditor") });
  assert.equal(cursor.json<{ code: string }>().code, "invalid-cursor");
});
