/** Signing in while something else happens: what a password was checked against may have changed meanwhile. */
import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { test, type TestContext } from "node:test";
import { deriveHere } from "../access/passwords.ts";
import { apiBed, PASSWORD } from "../testing/api-bed.ts";

const NEW_PASSWORD = "another long password";

/** An API whose passwords are checked when the test says so: `next` resolves with how to let the next one go on. */
async function heldBed(t: TestContext, settings: Parameters<typeof apiBed>[1] = {}) {
  const held: (() => void)[] = [];
  let arrived = (): void => {};
  let isHeld = false;
  const bed = await apiBed(t, settings, {
    derive: async (derivation) => {
      if (isHeld) {
        await new Promise<void>((resolve) => {
          held.push(resolve);
          arrived();
        });
      }
      return deriveHere(derivation);
    },
  });
  isHeld = true;
  t.after(() => {
    isHeld = false;
    for (const go of held) go();
  });
  const next = async (): Promise<() => void> => {
    while (held.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
    return held.shift()!;
  };
  const signIn = async (name: string, password = PASSWORD, remoteAddress = "127.0.0.1") =>
    bed.app.inject({ method: "POST", url: "/session", payload: { name, password }, remoteAddress });
  return { ...bed, next, signIn, held };
}

test("a password that is changed, or an account that is, while the old one is checked begins no session", async (t) => {
  const { context, next, signIn } = await heldBed(t);
  const { store } = context;
  for (const change of [{ password: "scrypt$other" }, { disabled: true }, undefined]) {
    const name = change === undefined ? "customer" : change.disabled === true ? "auditor" : "operator";
    const signingIn = signIn(name);
    const go = await next();
    if (change === undefined) store.removeAccount(name);
    else store.changeAccount(name, change);
    go();
    const answer = await signingIn;
    assert.deepEqual([answer.statusCode, answer.cookies], [401, []], JSON.stringify(change));
    assert.equal(store.audit(1, undefined)[0]?.outcome, "refused");
  }
});

test("the audit has a failed attempt with the name of an account, and nothing of a name that nobody has", async (t) => {
  const { app, context } = await apiBed(t);
  const typed = "correct horse battery";
  for (const name of ["operator", typed]) {
    const { statusCode } = await app.inject({ method: "POST", url: "/session", payload: { name, password: "not it" } });
    assert.equal(statusCode, 401);
  }
  const [unknown, known] = context.store.audit(2, undefined);
  assert.deepEqual([known?.account, known?.detail, known?.outcome], ["operator", "", "refused"]);
  assert.deepEqual([unknown?.account, unknown?.detail, unknown?.outcome], [null, "no such account", "refused"]);
  assert.doesNotMatch(JSON.stringify(context.store.audit(100, undefined)), new RegExp(typed));
});

test("who has lost their rights while their body came, or while a password was hashed, changes nothing", async (t) => {
  const { app, as, context, next, held } = await heldBed(t);
  const added = app.inject({
    ...{ method: "PATCH", url: "/accounts/operator", headers: as("admin"), payload: { password: NEW_PASSWORD } },
  });
  const go = await next();
  const before = context.store.passwordOf("operator");
  context.store.changeAccount("admin", { role: "auditor" });
  go();
  assert.equal((await added).statusCode, 401);
  assert.equal(context.store.passwordOf("operator"), before);

  const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  const body = JSON.stringify({ label: "kept" });
  const socket = connect(Number(port), "127.0.0.1");
  const answered = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
  const asked = new Promise<void>((resolve) => app.server.once("request", () => resolve()));
  const { cookie } = as("operator");
  socket.write(
    `POST /tokens HTTP/1.1\r\nHost: x\r\nCookie: ${cookie}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n{`,
  );
  await asked;
  context.store.changeAccount("operator", { password: "scrypt$other" });
  socket.write(body.slice(1));
  assert.match(await answered, /^HTTP\/1\.1 401 /);
  socket.destroy();
  assert.deepEqual(context.store.tokens.of("operator"), []);
  assert.equal(held.length, 0);
});

test("beyond a few waiting passwords the rest is told to come again; whoever goes leaves a place, and has not guessed", async (t) => {
  const { app, context, next, signIn, held } = await heldBed(t, { passwordsWaiting: 1 });
  const first = signIn("nobody", "x", "198.51.100.1");
  const go = await next();
  const address = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  const gone = new Promise<void>((resolve) => {
    app.server.once("request", (_, response: ServerResponse) => response.once("close", () => resolve()));
  });
  const body = JSON.stringify({ name: "nobody", password: "x" });
  const taken = new Promise<void>((resolve) =>
    app.server.once("request", (request: IncomingMessage) => request.once("end", resolve)),
  );
  const socket = connect(Number(address.port), "127.0.0.1");
  socket.write(
    `POST /session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  await taken;
  const refused = await signIn("nobody", "x", "198.51.100.3");
  assert.deepEqual([refused.statusCode, refused.headers["retry-after"]], [503, "2"]);
  assert.equal(refused.json<{ code: string }>().code, "sign-in-busy");
  socket.destroy();
  await gone;
  const second = signIn("nobody", "x", "198.51.100.4");
  go();
  (await next())();
  assert.deepEqual([(await first).statusCode, (await second).statusCode, held.length], [401, 401, 0]);
  const failures = context.store.audit(100, undefined).filter(({ outcome }) => outcome === "refused");
  assert.equal(failures.length, 2, "those whose password was looked at");
});
