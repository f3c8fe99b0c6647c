import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { answer } from "./command.ts";

const ROOT = join(import.meta.dirname, "../..");

test("tells epsilon by both accountants, and delta back", () => {
  const flags = { noise: "0.7", rate: "0.01", rounds: "120", delta: "1e-5" };
  const { text } = answer("epsilon", flags);
  assert.equal(text, "renyi    epsilon 3.2392 at delta 0.00001 (order 4.4)\npld      epsilon 2.46125 at delta 0.00001");
  const { figures } = answer("delta", { ...flags, delta: undefined, epsilon: "2.4612447" });
  const { renyi, pld } = figures as { renyi: { delta: number }; pld: { delta: number } };
  assert.ok(Math.abs(pld.delta - 1e-5) < 1e-10 && renyi.delta > pld.delta);
});

test("calibrated noise, as it is printed, keeps the budget", () => {
  const [renyi = "", pld = ""] = answer("calibrate", { epsilon: "3", rounds: "10" }).text.split("\n");
  const [byRenyi, byPld] = [renyi, pld].map((line) => line.split(" ").at(-1));
  const at = (noise: string | undefined) =>
    answer("epsilon", { noise, rounds: "10" }).figures as { renyi: { epsilon: number }; pld: { epsilon: number } };
  assert.ok(at(byRenyi).renyi.epsilon <= 3 && at(byPld).pld.epsilon <= 3 && Number(byPld) < Number(byRenyi));
  const skellam = answer("calibrate", { epsilon: "3", rounds: "10", mechanism: "skellam", l2: "50", dimension: "8" });
  const { renyi: found } = skellam.figures as { renyi: { variance: number } };
  const back = { mechanism: "skellam", l2: "50", dimension: "8", rounds: "10", variance: String(found.variance) };
  assert.ok((answer("epsilon", back).figures as { renyi: { epsilon: number } }).renyi.epsilon <= 3);
});

test("refuses what is missing, out of range or of another mechanism, by its name", () => {
  const cases = [
    [["epsilon", {}], "epsilon: expected --noise"],
    [["epsilon", { noise: "x" }], '--noise: expected a number, got "x"'],
    [["epsilon", { noise: "-1" }], "--noise: expected a number above 0, got -1"],
    [["epsilon", { noise: "1", rate: "2" }], "--rate: expected a number from 0 to 1, got 2"],
    [["epsilon", { noise: "1", rounds: "1.5" }], "--rounds: expected an integer from 0 on, got 1.5"],
    [["epsilon", { noise: "1", delta: "0" }], "--delta: expected a number between 0 and 1, got 0"],
    [["epsilon", { noise: "1", variance: "3" }], "--variance: not for epsilon with gaussian noise"],
    [["calibrate", { noise: "1", epsilon: "3" }], "--noise: not for calibrate with gaussian noise"],
    [
      ["calibrate", { epsilon: "3", mechanism: "laplace" }],
      '--mechanism: expected gaussian, skellam, discrete, got "laplace"',
    ],
  ] as const;
  for (const [[verb, flags], message] of cases) assert.throws(() => answer(verb, flags), { message });
  assert.throws(() => answer("epsilon", { noise: "0.0001" }), { message: /^cannot be worked out with these flags/ });
});

test("the commands of the page work as shown, with the figures that it shows", async () => {
  const page = readFileSync(join(ROOT, "docs/differential-privacy.md"), "utf8");
  const shown = [...page.matchAll(/^```text\n\$ npm run -s (privacy) -- (.+)\n([\s\S]*?)^```$/gm)];
  assert.ok(shown.length >= 3);
  for (const [, , line = "", output = ""] of shown) {
    const [verb = "", ...words] = line.split(" ");
    const flags = Object.fromEntries(
      words.flatMap((word, i) => (word.startsWith("--") ? [[word.slice(2), words[i + 1]]] : [])),
    );
    assert.equal(`${answer(verb, flags).text}\n`, output, line);
  }
  const start = join(ROOT, "config/runtime/start.mjs");
  const run = async (...args: string[]) =>
    promisify(execFile)(process.execPath, [start, "analytics/privacy/main.ts", ...args], { cwd: ROOT });
  const { stdout } = await run("epsilon", "--noise", "4", "--json");
  assert.equal((JSON.parse(stdout) as { rounds: number }).rounds, 1);
  await assert.rejects(run("cost"), (error: { code: number; stderr: string }) => {
    assert.match(error.stderr, /expected one of epsilon, delta, calibrate, got cost/);
    return error.code === 2;
  });
});
