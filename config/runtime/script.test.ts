import assert from "node:assert/strict";
import { test } from "node:test";
import { Script } from "node:vm";
import { scriptOf } from "./script.mjs";

const listed = (count: number) => Array.from({ length: count }, () => ({ kind: "import-statement", external: true }));

/** What the script of a module gives to `tell` of the module "told"; its others hold what `loaded` says. */
async function run(module: string, imports: number, loaded: readonly object[] = []): Promise<unknown> {
  let said: unknown;
  const told = { tell: (what: unknown) => (said = what) };
  const script = new Script(scriptOf(`import { tell } from "told";\n${module}`, listed(imports + 1)));
  const made = script.runInThisContext() as (modules: readonly object[], require: unknown) => () => Promise<void>;
  await made([told, ...loaded], undefined)();
  return said;
}

test("every kind of import is handed to the script, and what is awaited is awaited", async () => {
  const module = [
    'import one from "a";',
    'import { two, three as third } from "a";',
    'import four, {\n  five,\n  six as sixth\n} from "b";',
    'import * as all from "b";',
    'import seven, * as rest from "a";',
    'import "c";',
    "tell(await Promise.resolve([one, two, third, four, five, sixth, all.five, seven, rest.two]));",
    "export {\n  third\n};",
  ].join("\n");
  const said = await run(module, 6, [{ default: 1, two: 2, three: 3 }, { default: 4, five: 5, six: 6 }, {}]);
  assert.deepEqual(said, [1, 2, 3, 4, 5, 6, 5, 1, 2]);
});

test("a script has as many lines as its module and one ahead, which tells its modules", () => {
  const module = 'import {\n  a,\n  b\n} from "x";\nimport {\n  c\n} from "y";\nlast();\n';
  const lines = scriptOf(module, listed(2)).split("\n");
  assert.equal(lines.indexOf("last();"), module.split("\n").indexOf("last();") + 1);
  assert.match(lines[0] ?? "", /^\/\*\{"hash":"[0-9a-f]{16}","modules":\["x","y"\],/);
});

test("a text that looks like an import is not taken for one", () => {
  assert.throws(
    () => scriptOf('const text = `\nimport a from "b";\n`;', []),
    new RangeError("imports: expected 0 as esbuild lists them, got 1"),
  );
});

test("a name that node gives to packages may be taken by a source", async () => {
  assert.equal(await run("const require = 5; tell(require);", 0), 5);
});

test("a character outside ASCII is kept wherever it means something", async () => {
  const module = "tell([/^—$/.test('\\u2014'), String.raw`ä`,\n  // in a remark: —\n  1]);";
  assert.deepEqual(await run(module, 0), [true, "ä", 1]);
  assert.match(scriptOf(module, []), /\n {2}\/\/ in a remark: \?\n/);
});
