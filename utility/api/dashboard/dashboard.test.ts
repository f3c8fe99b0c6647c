import assert from "node:assert/strict";
import { test } from "node:test";
import fastify from "fastify";
import type { Api } from "../contract.ts";
import { addDashboard, type Dashboard, type DashboardState } from "./dashboard.ts";

async function firstAnswer(state: DashboardState) {
  const app = fastify() as unknown as Api;
  await addDashboard(app, { state: () => Promise.resolve(state) } as unknown as Dashboard);
  const answer = await app.inject("/app/");
  await app.close();
  return answer;
}

test("a page that is being built is no error of the server, and asks for no file that is not there", async () => {
  const { statusCode, body, headers } = await firstAnswer({ notice: "It is being built.", soon: true });
  assert.deepEqual([statusCode, headers["retry-after"]], [202, "2"]);
  assert.match(body, /It is being built\./);
  // Without one of its own a browser asks for /favicon.ico.
  assert.match(body, /<link rel="icon" href="data:,">/);
});

test("one that cannot be built is", async () => {
  const { statusCode, body } = await firstAnswer({ notice: "It could not be built: <no space>", soon: false });
  assert.equal(statusCode, 503);
  assert.match(body, /&lt;no space>/);
});
