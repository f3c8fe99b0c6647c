import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import type { Showcase } from "../../../protocol/messages/showcase.ts";
import { apiBed, NOW } from "../testing/api-bed.ts";

const SHOWN: Showcase = {
  ...{ simulated: true, feed: { kind: "generated" }, meter: "m-001", feeder: "f-1", slotStart: NOW, slotSeconds: 900 },
  ...{ threshold: 2, readingsWh: [120] },
  parts: [
    { aggregator: "a-1", shares: ["7"], topic: "wv/1/m/m-001/share/1", bytes: 90, prefix: "d083", sealed: "a1b2" },
  ],
};

test("a household is shown only where its readings are made up, whatever else the file says", async (t) => {
  const { app, as, context } = await apiBed(t, {}, { showcase: "showcase.json" });
  const file = path.join(context.config.paths.data, "showcase.json");
  const ask = () => app.inject({ url: "/showcase", headers: as("operator") });
  assert.equal((await ask()).json<{ code: string }>().code, "no-showcase");
  const { feed: _, ...unsaid } = SHOWN;
  for (const contents of [{ ...SHOWN, feed: { kind: "replayed" } }, unsaid]) {
    writeFileSync(file, JSON.stringify(contents));
    const hidden = await ask();
    assert.deepEqual([hidden.statusCode, hidden.json<{ code: string }>().code], [404, "no-showcase"]);
    assert.doesNotMatch(hidden.body, /120/);
  }
  writeFileSync(file, JSON.stringify(SHOWN));
  assert.deepEqual((await ask()).json(), SHOWN);
});
