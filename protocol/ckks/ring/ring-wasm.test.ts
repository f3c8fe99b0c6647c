import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import wabt from "wabt";
import { RING_WASM_BASE64 } from "./ring-wasm.ts";

test("the committed module is what ring.wat assembles to", async () => {
  const assembler = await wabt();
  const source = readFileSync(new URL("./ring.wat", import.meta.url), "utf8");
  const module = assembler.parseWat("ring.wat", source);
  module.validate();
  const { buffer } = module.toBinary({ write_debug_names: false });
  module.destroy();
  const expected = Buffer.from(buffer)
    .toString("base64")
    .replace(/.{1,110}/g, '  "$&",\n');
  assert.equal(RING_WASM_BASE64, Buffer.from(buffer).toString("base64"), `ring-wasm.ts should hold\n${expected}`);
});
