import assert from "node:assert/strict";
import { test } from "node:test";
import { printable } from "./printable.ts";

test("what commands a terminal or turns a line is shown as its code, all other text as it is", () => {
  assert.equal(
    printable("a\u001b[2Jb\u0000\r\u009bc\u202ed\u007f"),
    "a\\u001b[2Jb\\u0000\\u000d\\u009bc\\u202ed\\u007f",
  );
  const text = "Zähler 7,\tkWh\n日本 🙂\n";
  assert.equal(printable(text), text);
});
