/**
 * A reporter for node's test runner: its own `spec` output, but with the counts at the very end, also after a list of
 * failures, so that the last lines of any run say how it went. Ahead of the counts it repeats which files were left out.
 */
import { spec } from "node:test/reporters";
import type { TestEvent } from "node:test/reporters";
import { LEFT_OUT_VARIABLE } from "./needs.ts";

/** Reporter of node's `--test-reporter`; takes the runner's events, yields text. */
export default async function* summaryLast(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const reporter = new spec();
}
