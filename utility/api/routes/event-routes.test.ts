/** Streams of events over real connections: they last as long as the right that they were opened with. */
import assert from "node:assert/strict";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { AccessStore } from "../access/access-store.ts";
import { type ApiBed, apiBed, PASSWORD } from "../testing/api-bed.ts";

interface StreamBed extends ApiBed {
  /** Opens a stream; the promise is of all that it was sent, once it has ended. */
  readonly open: (headers: Record<string, string>) => Promise<{ readonly ended: Promise<string> }>;
  readonly statusOf: (headers: Record<string, string>) => Promise<number>;
}

async function streamBed(t: TestContext, settings: Parameters<typeof apiBed>[1] = {}): Promise<StreamBed> {
  const bed = await apiBed(t, settings);
  const address = await bed.app.listen({ host: "127.0.0.1", port: 0 });
  const statusOf = async (headers: Record<string, string>): Promise<number> => {
    const answer = await fetch(`${address}/events`, { headers });
    await answer.body?.cancel();
    return answer.status;
  };
  const open: StreamBed["open"] = async (headers) => {
    const answer = await fetch(`${address}/events`, { headers });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    return { ended: answer.text() };
  };
  return { ...bed, open, statusOf };
}

/** Heartbeats that no test waits for. */
const NEVER = { heartbeatSeconds: 300 };

test("a stream ends at once when its session or token does, its account is disabled or removed, or its role changes", async (t) => {
  const { app, as, open, context } = await streamBed(t, NEVER);
  const headers = as("admin");
  const emit = (what: string): void => context.live.emit("load", JSON.stringify(what));
  const ends = async (mine: Record<string, string>, end: () => Promise<{ statusCode: number }>): Promise<void> => {
    const { ended } = await open(mine);
    emit("before");
    const { statusCode } = await end();
    assert.ok(statusCode < 300, String(statusCode));
    emit("after");
    const text = await ended;
    assert.match(text, /data: "before"/);
    assert.doesNotMatch(text, /after/);
  };
  await ends(as("operator"), async () => app.inject({ method: "DELETE", url: "/session", headers: as("operator") }));

  const tokenOf = async (signedIn: Record<string, string>) => {
    const made = await app.inject({ method: "POST", url: "/tokens", headers: signedIn, payload: { label: "x" } });
    const { token, id } = made.json<{ token: string; id: string }>();
    return { bearer: { authorization: `Bearer ${token}` }, id };
  };
  const change = (name: string, payload: object) => async () =>
    app.inject({ method: "PATCH", url: `/accounts/${name}`, headers, payload });
  const { bearer, id } = await tokenOf(as("auditor"));
  await ends(bearer, async () => app.inject({ method: "DELETE", url: `/tokens/${id}`, headers: bearer }));
  await ends((await tokenOf(as("auditor"))).bearer, change("auditor", { role: "operator" }));
  await ends(as("customer"), change("customer", { disabled: true }));
  const anna = { name: "anna", password: PASSWORD, role: "customer" };
  await app.inject({ method: "POST", url: "/accounts", headers, payload: anna });
  const [cookie] = (await app.inject({ method: "POST", url: "/session", payload: anna })).cookies;
  await ends({ cookie: `${cookie!.name}=${cookie!.value}` }, async () =>
    app.inject({ method: "DELETE", url: "/accounts/anna", headers }),
  );
});

test("what another process takes away, and what ends by itself, shows at the next heartbeat", async (t) => {
  const { as, open, pass, context } = await streamBed(t, { heartbeatSeconds: 0.02 });
  const { ended: operator } = await open(as("operator"));
  const other = AccessStore.open(path.join(context.config.paths.data, "api", "api.db"));
  t.after(() => other.close());
  other.changeAccount("operator", { disabled: true });
  assert.doesNotMatch(await operator, /event:/);
  const { ended: auditor } = await open(as("auditor"));
  // An open stream is no use of a session: it would never be idle.
  pass(context.config.api.sessionIdleSeconds + 1);
  await auditor;
});

test("an account has so many streams of its own; others have theirs", async (t) => {
  const { app, as, open, statusOf } = await streamBed(t, {
    ...NEVER,
    streamsPerAccount: 2,
    maxStreams: 4,
    staffStreams: 1,
  });
  for (let i = 0; i < 2; i++) {
    const { ended } = await open(as("customer"));
    ended.catch(() => {}); // the server is closed over it
  }
  assert.equal(await statusOf(as("customer")), 429);
  assert.equal(await statusOf(as("operator")), 200);
  const head = await app.inject({ method: "HEAD", url: "/events", headers: as("operator") });
  assert.equal(head.statusCode, 404, "a stream without a body would be held for nothing");
});
