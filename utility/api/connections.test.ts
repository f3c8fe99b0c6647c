/** What comes over real connections and is no request, never ends, or asks for what is not there: a problem, and the end. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { once } from "node:events";
import type { Dashboard } from "./dashboard/dashboard.ts";
import { apiBed } from "./testing/api-bed.ts";

async function listening(t: TestContext, settings: Parameters<typeof apiBed>[1] = {}, dashboard?: Dashboard) {
  const bed = await apiBed(t, settings, dashboard === undefined ? {} : { dashboard });
  const { port } = new URL(await bed.app.listen({ host: "127.0.0.1", port: 0 }));
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  const open = (text = ""): Socket => {
    const socket = connect(Number(port), "127.0.0.1");
    sockets.push(socket);
    socket.on("error", () => {}); // closed over what it was sending
    socket.write(text);
    return socket;
  };
  /** All that a connection is sent until it is closed. */
  const said = async (text: string): Promise<{ head: string; problem: Record<string, unknown> }> => {
    const socket = open(text);
    let answer = "";
    socket.on("data", (data) => (answer += data.toString()));
    await once(socket, "close");
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    const isProblem = /^content-type: application\/problem\+json/im.test(head);
    return { head, problem: (isProblem ? JSON.parse(body) : {}) as Record<string, unknown> };
  };
  return { ...bed, open, said };
}

test("a body that never comes, and headers that never end, are given up with 408", async (t) => {
  const { said, as } = await listening(t, { requestSeconds: 0.3 });
  const unfinished = [
    'POST /session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"name":',
    `POST /tokens HTTP/1.1\r\nHost: x\r\nCookie: ${as("customer").cookie}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
    "GET /health HTTP/1.1\r\nHost: x\r\nX-A:",
  ];
  for (const text of unfinished) {
    const { head, problem } = await said(text);
    assert.match(head, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.deepEqual([problem["status"], problem["code"]], [408, "request-timeout"]);
  }
});

test("an address has so many connections; one that ends leaves its place", async (t) => {
  const { open } = await listening(t, { connectionsPerAddress: 3 });
  const ask = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
  const held = [open(ask), open(ask), open(ask)];
  await Promise.all(held.map((socket) => once(socket, "data")));
  const refused = open(ask);
  await once(refused, "close");
  assert.equal(refused.bytesRead, 0);
  held[0]!.destroy();
  for (let answered = false; !answered; ) {
    const again = open(ask);
    answered = await Promise.race([once(again, "data").then(() => true), once(again, "close").then(() => false)]);
  }
});

test("what is no request, and what the router refuses, is answered with a problem, too", async (t) => {
  const { said } = await listening(t);
  const end = "\r\nHost: x\r\nConnection: close\r\n\r\n";
  const cases: [string, number, string][] = [
    ["nonsense\r\n\r\n", 400, "no-http"],
    [`GET /feeders/%zz/loads HTTP/1.1${end}`, 400, "bad-url"],
    [`GET http://[/ HTTP/1.1${end}`, 400, "bad-url"],
    [`GET /feeders/${"x".repeat(300)}/loads HTTP/1.1${end}`, 414, "max-param-length"],
    [`GET /health HTTP/1.1\r\nX-A: ${"x".repeat(20_000)}${end}`, 431, "headers-too-large"],
  ];
  for (const [text, status, code] of cases) {
    const { head, problem } = await said(text);
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), text.slice(0, 60));
    assert.match(head, /content-type: application\/problem\+json/i, text.slice(0, 60));
    assert.deepEqual([problem["status"], problem["code"]], [status, code]);
  }
});

test("a file that is not there, whatever its name, is a 404 that nobody keeps; one that is there is kept", async (t) => {
  let folder = "";
  const { said, context } = await listening(t, {}, { state: async () => ({ folder }) } as unknown as Dashboard);
  folder = path.join(context.config.paths.data, "built");
  mkdirSync(path.join(folder, "assets"), { recursive: true });
  writeFileSync(path.join(folder, "index.html"), "<!doctype html>");
  writeFileSync(path.join(folder, "assets", "main-1.js"), "{}");
  const get = (url: string) => said(`GET ${url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  for (const name of ["%00", "..%2f..%2f..%2fetc%2fpasswd", "main-123.js", "", ".env"]) {
    const { head, problem } = await get(`/app/assets/${name}`);
    assert.match(head, /^HTTP\/1\.1 404 /, name);
    assert.match(head, /cache-control: no-store/, name);
    assert.equal(problem["code"], "no-such-route", name);
  }
  const { head: docs } = await get("/docs/static/../x");
  assert.match(docs, /^HTTP\/1\.1 404 /);
  assert.match((await get("/app/")).head, /cache-control: no-cache/);
  assert.match((await get("/app/assets/main-1.js")).head, /cache-control: public, max-age=31536000, immutable/);
});
