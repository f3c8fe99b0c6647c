import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import type { AlertChange } from "./engine.ts";
import { readSecret, Webhook, WEBHOOK_HEADERS, type WebhookOptions } from "./webhook.ts";

interface Posted {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** Answers with these statuses in turn, then with 204; 0 cuts the connection off. */
async function receiver(
  t: TestContext,
  statuses: readonly number[],
  headers: Record<string, string> = {},
): Promise<{ url: string; posted: Posted[] }> {
  const posted: Posted[] = [];
  const left = [...statuses];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      posted.push({ headers: request.headers, body });
      const status = left.shift() ?? 204;
      if (status === 0) response.destroy();
      else response.writeHead(status, headers).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, posted };
}

const SETTINGS = { webhookSeconds: 5, webhookRetries: 3, webhookRetrySeconds: 0.01, webhookQueue: 3 };

function webhook(url: string, more: Partial<WebhookOptions> = {}): { hook: Webhook; warnings: object[] } {
  const warnings: object[] = [];
  const log = { warn: (fields: object) => warnings.push(fields) };
  return {
    hook: new Webhook({ url, secret: undefined, settings: SETTINGS, now: () => 1_800_000_000.7, log, ...more }),
    warnings,
  };
}

const fired = (text: string): AlertChange => ({ change: "fired", alert: { text } as AlertChange["alert"], tell: true });
const textsOf = (posted: readonly Posted[]): string[] =>
  posted.map(({ body }) => (JSON.parse(body) as AlertChange).alert.text);

test("a change is posted once, with a signature that its receiver can check", async (t) => {
  const { url, posted } = await receiver(t, []);
  const secret = "a secret of some length";
  const { hook } = webhook(url, { secret });
  hook.push(fired("one"));
  await hook.idle();
  const [{ headers, body }] = posted as [Posted];
  assert.equal(posted.length, 1);
  assert.deepEqual(JSON.parse(body), { change: "fired", alert: { text: "one" } });
  assert.equal(headers["content-type"], "application/json");
  assert.equal(headers[WEBHOOK_HEADERS.time], "1800000000");
  // As Python's hmac module has it.
  const expected = "650fee1737d3540faa9d8fc2eae99422ea655a481fba4e8ed16c7faed43221ce";
  assert.equal(headers[WEBHOOK_HEADERS.signature], `sha256=${expected}`);
});

test("a receiver that fails is tried again, and the order of changes stays", async (t) => {
  const { url, posted } = await receiver(t, [503, 0, 429, 204]);
  const { hook, warnings } = webhook(url);
  hook.push(fired("one"));
  hook.push(fired("two"));
  await hook.idle();
  assert.deepEqual(textsOf(posted), ["one", "one", "one", "one", "two"]);
  assert.equal(new Set(posted.slice(0, 4).map(({ headers }) => headers[WEBHOOK_HEADERS.delivery])).size, 1);
  assert.deepEqual(warnings, []);
});

test("one that goes on failing, or refuses, loses that change and gets the next", async (t) => {
  const { url, posted } = await receiver(t, [500, 500, 500, 500, 400]);
  const { hook, warnings } = webhook(url);
  for (const text of ["lost", "refused", "taken"]) hook.push(fired(text));
  await hook.idle();
  assert.deepEqual(textsOf(posted), ["lost", "lost", "lost", "lost", "refused", "taken"]);
  const host = new URL(url).host;
  assert.deepEqual(warnings, [
    { host, reason: "it answered 500" },
    { host, reason: "it answered 400" },
  ]);
});

test("a redirect is not followed: the configuration says where alerts go", async (t) => {
  const other = await receiver(t, []);
  const { url, posted } = await receiver(t, [307], { location: other.url });
  const { hook, warnings } = webhook(url);
  hook.push(fired("one"));
  await hook.idle();
  assert.deepEqual([posted.length, other.posted.length, warnings.length], [1, 0, 1]);
});

test("a full queue drops the oldest, and stopping gives up what waits", async (t) => {
  const { url, posted } = await receiver(t, []);
  const { hook, warnings } = webhook(url);
  for (const text of ["1", "2", "3", "4", "5", "6"]) hook.push(fired(text));
  await hook.idle();
  assert.deepEqual(textsOf(posted), ["1", "4", "5", "6"], "the first was on its way already");
  assert.deepEqual(warnings, [{ host: new URL(url).host, dropped: 2 }]);
  const silent = createServer(() => {}); // takes the request and never answers
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    silent.closeAllConnections();
    silent.close();
  });
  const stuck = webhook(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/`);
  stuck.hook.push(fired("never"));
  await stuck.hook.stop();
  assert.deepEqual(stuck.warnings, []);
});

test("a secret that is missing or short is refused by its file", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-secret-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "secret");
  writeFileSync(file, "short\n");
  assert.throws(() => readSecret(file), /alerts\.webhooks: .*secret: a secret has at least 16 characters/);
  writeFileSync(file, "0123456789abcdef\n");
  assert.equal(readSecret(file), "0123456789abcdef");
  assert.throws(() => readSecret(path.join(folder, "none")), /cannot be read \(ENOENT\)/);
});
