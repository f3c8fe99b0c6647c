/** How wrong a simulated clock is, told to a process of its own over its channel. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { ClockSkew } from "./clock-skew.ts";

const START = fileURLToPath(new URL("./start.mjs", import.meta.url));
const PROGRAM = "config/runtime/testing/skewed-main.ts";

test("a process takes the skew that its parent tells, and nothing else", async (t) => {
  const child = spawn(process.execPath, [START, PROGRAM], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  t.after(() => child.kill("SIGKILL"));
  const skews: unknown[] = [];
  const messages: object[] = [
    { type: "ask" },
    { type: "clock-skew", skewSeconds: -7_200 } satisfies ClockSkew,
    { type: "ask" },
    { type: "clock-skew", skewSeconds: "soon" },
    { type: "wall-clock", offsetSeconds: 5 },
    { type: "ask" },
    { type: "clock-skew", skewSeconds: 0 } satisfies ClockSkew,
    { type: "ask" },
  ];
  await once(child, "message");
  for (const message of messages) {
    const answer = "type" in message && message.type === "ask" ? once(child, "message") : undefined;
    child.send(message);
    if (answer !== undefined) skews.push(((await answer) as [{ skewSeconds: number }])[0].skewSeconds);
  }
  assert.deepEqual(skews, [0, -7_200, -7_200, 0]);
});
