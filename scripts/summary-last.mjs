/**
 * A reporter for node's test runner: its own `spec` output with the counts moved to the very end, so that also after a
 * list of failures the last lines say how the run went. Ahead of them it repeats which files were left out.
 * JavaScript, because Node 20 loads a reporter before the loader for TypeScript.
 */
import process from "node:process";
import { Readable } from "node:stream";
import { spec } from "node:test/reporters";

const COUNT = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

/**
 * Takes the runner's events, yields text; the reporter behind node's `--test-reporter`.
 * @param {AsyncIterable<import("node:test/reporters").TestEvent>} events
 * @returns {AsyncGenerator<string>}
 */
export default async function* summaryLast(events) {
  const counts = [];
  async function* withoutCounts() {
    for await (const event of events) {
      if (event.type === "test:diagnostic" && event.data.nesting === 0 && COUNT.test(event.data.message)) {
        counts.push(event.data.message);
      } else {
        yield event;
      }
    }
  }
  for await (const chunk of Readable.from(withoutCounts()).pipe(new spec())) yield String(chunk);

  // Set by scripts/test.ts.
  const leftOut = process.env.WATTVEIL_TESTS_LEFT_OUT;
  if (leftOut) yield `\n${leftOut}\n`;
  yield `\n${counts.map((count) => `ℹ ${count}\n`).join("")}`;
}
