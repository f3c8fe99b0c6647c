/** Progress and tables. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createProgress, renderTable } from "./terminal.ts";

function written(stream: PassThrough): string {
  return String((stream.read() as Buffer | null) ?? "");
}

test("prints an occasional line where there is no terminal", () => {
  const stream = new PassThrough();
  let seconds = 0;
  const progress = createProgress({ label: "slots", total: 96, stream, now: () => seconds });
  for (let done = 1; done <= 96; done++) {
    seconds = done / 4;
    progress.update(done, "m-001");
  }
  progress.stop();
  assert.equal(written(stream), "slots: 40 of 96, m-001\nslots: 80 of 96, m-001\n");
});

test("prints nothing when silent, and a bar on a terminal", () => {
  const quiet = new PassThrough();
  createProgress({ label: "slots", total: 2, stream: quiet, silent: true }).update(1);
  assert.equal(written(quiet), "");
  const terminal = Object.assign(new PassThrough(), { isTTY: true, cursorTo: () => true, clearLine: () => true });
  const progress = createProgress({ label: "slots", total: 2, stream: terminal });
  progress.update(2);
  progress.stop();
  assert.match(written(terminal), /slots \[=+\] 100% 2\/2/);
});

test("prints a table with numbers to the right and empty cells for what is missing", () => {
  const text = renderTable(
    ["meter", "energyWh"],
    [
      ["m-001", 5n],
      ["m-002", undefined],
      ["m-003", 1_234],
    ],
  );
  // Colours must not be in what scripts read.
  assert.doesNotMatch(text, /\u001b/);
  assert.match(text, /│ m-001 │ {8}5 │/);
  assert.match(text, /│ m-002 │ {10}│/);
});
