/** Questions about the grid, as analytics gets them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { splitChunks } from "../../../protocol/envelope/index.ts";
import type { GridRequest } from "../../../protocol/grid/index.ts";
import { parseTopic, topicOf } from "../../../protocol/topics.ts";
import { apiBed } from "../testing/api-bed.ts";

interface Asked {
  readonly request: GridRequest;
  readonly answer: (code: string) => void;
}

async function gridBed(t: Parameters<typeof apiBed>[0]) {
  const bed = await apiBed(t, {}, { grid: { enabled: true, requestsPerAccount: 3 } });
  const asked: Asked[] = [];
  let wake = (): void => {};
  bed.context.grid.connect(async (topic, payload) => {
    const { job } = parseTopic(topic)!.parameters;
    const answer = (code: string): void => {
      const bytes = Buffer.from(JSON.stringify({ ok: false, code, detail: code }));
      bed.context.grid.message(topicOf("gridAnswer", { job: job! }), [...splitChunks(bytes)][0]!);
    };
    asked.push({ request: JSON.parse(Buffer.from(payload).toString("utf8")) as GridRequest, answer });
    wake();
  });
  return {
    ...bed,
    asked,
    /** Resolves when so many questions have come. */
    until: async (count: number): Promise<void> => {
      while (asked.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

test("paths are looked for as they are asked for, and what is not known is refused", async (t) => {
  const { app, as, asked, until } = await gridBed(t);
  const headers = as("operator");
  const query = "vMinPu=0.95&vMaxPu=1.05&seed=7&riskWeight=2&broken=3,4&mostFlows=5&method=random";
  const answered = app.inject({ url: `/grid/paths?${query}`, headers });
  await until(1);
  assert.deepEqual(asked[0]!.request, {
    ...{ kind: "paths", method: "random", vMinPu: 0.95, vMaxPu: 1.05, seed: 7, riskWeight: 2, mostFlows: 5 },
    ...{ broken: [3, 4], repaired: [], keepOpen: [], keepClosed: [] },
  });
  asked[0]!.answer("unavailable");
  assert.equal((await answered).statusCode, 503);
  for (const wrong of ["mostTrees=5", "vminpu=1", "seed=-1", "vMaxPu=9", "mostFlows=101"]) {
    const refused = await app.inject({ url: `/grid/paths?${wrong}`, headers });
    assert.equal(refused.statusCode, 400, `${wrong}: ${refused.body}`);
  }
  assert.equal(asked.length, 1);
});

test("an account does not hold the desk: one of its long questions is under way, few wait, and others get through", async (t) => {
  const { app, as, asked, until } = await gridBed(t);
  const optimise = () => app.inject({ method: "POST", url: "/grid/optimize", headers: as("operator"), payload: {} });
  const own = [optimise(), optimise(), optimise()];
  await until(1);
  const refused = await optimise();
  assert.deepEqual([refused.statusCode, refused.json<{ code: string }>().code], [429, "grid-share"]);
  assert.equal(refused.headers["retry-after"], "2");
  const other = app.inject({ url: "/grid/paths", headers: as("admin") });
  await until(2);
  assert.deepEqual(
    asked.map(({ request }) => request.kind),
    ["optimise", "paths"],
  );
  asked[1]!.answer("unavailable");
  assert.equal((await other).statusCode, 503);
  asked[0]!.answer("unavailable");
  await until(3);
  asked[2]!.answer("unavailable");
  await until(4);
  asked[3]!.answer("unavailable");
  assert.deepEqual(
    (await Promise.all(own)).map(({ statusCode }) => statusCode),
    [503, 503, 503],
  );
});
