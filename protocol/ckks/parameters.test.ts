import assert from "node:assert/strict";
import { test } from "node:test";
import { CkksError } from "./errors.ts";
import { assertParameters, dataBits, maxModulusBits, modulusBits, PARAMETER_SETS, parametersId } from "./parameters.ts";

test("every named set has 128-bit security and room for one fresh value", () => {
  for (const parameters of Object.values(PARAMETER_SETS)) {
    assertParameters(parameters);
    assert.ok(modulusBits(parameters) <= maxModulusBits(parameters.degree));
    assert.ok(parameters.scaleBits + 20 < dataBits(parameters));
  }
});

test("a set below 128-bit security is refused unless it is for tests", () => {
  const weak = { name: "weak", degree: 4096, primeBits: [45, 45, 20], scaleBits: 40 };
  assert.throws(
    () => assertParameters(weak),
    (error) => error instanceof CkksError && error.code === "not-secure" && error.message.includes("110 bits"),
  );
  assertParameters(weak, { insecureForTests: true });
});

test("numbers that make no parameter set are refused by name", () => {
  const good = PARAMETER_SETS.light;
  assert.throws(() => assertParameters({ ...good, degree: 5000 }), /degree/);
  assert.throws(() => assertParameters({ ...good, primeBits: [45] }), /primeBits/);
  assert.throws(() => assertParameters({ ...good, primeBits: [61, 20] }), /primeBits/);
  assert.throws(() => assertParameters({ ...good, primeBits: [45, 45, 12] }), /primeBits/);
  assert.throws(() => assertParameters({ ...good, scaleBits: 90 }), /scaleBits/);
  assert.throws(() => assertParameters({ ...good, scaleBits: 1.5 }), /scaleBits/);
});

test("the id depends on the numbers, not on the name", () => {
  const { light, standard } = PARAMETER_SETS;
  assert.equal(parametersId(light).length, 8);
  assert.deepEqual(parametersId(light), parametersId({ ...light, name: "other" }));
  assert.notDeepEqual(parametersId(light), parametersId(standard));
  assert.notDeepEqual(parametersId(light), parametersId({ ...light, scaleBits: 59 }));
});
