// as it is: it writes sources of its own, which would be compiled as if they were this file's
import assert from "node:assert/strict";
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

const ROOT = join(import.meta.dirname, "../..");
const START = "config/runtime/start.mjs";

const MAIN = `
import { Worker } from "node:worker_threads";
import { threadArguments } from "./thread-arguments.mjs";
import { word } from "./word.ts";
const place: string = import.meta.dirname;
const worker = new Worker(new URL("./thread.ts", import.meta.url), { execArgv: threadArguments });
worker.once("message", (said: string) => {
  const rest = process.argv.slice(2).join();
  console.log(JSON.stringify({ word, place, said, rest, compiled: process.argv[1]?.endsWith(".mjs") }));
});
`;

/** A project of its own: a program that starts a thread, both of TypeScript. */
function project(t: { after: (work: () => void) => void }): string {
  const root = mkdtempSync(join(tmpdir(), "wattveil-start-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const folder of ["config/runtime", "node_modules/.cache", "role"])
    mkdirSync(join(root, folder), { recursive: true });
  const parts = ["compile", "stacks", "whole-files"].map((name) => `config/runtime/${name}.mjs`);
  for (const file of [START, ...parts]) copyFileSync(join(ROOT, file), join(root, file));
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(ROOT, "node_modules", name), join(root, "node_modules", name));
  }
  writeFileSync(join(root, "package.json"), `{ "type": "module" }`);
  writeFileSync(join(root, "role/main.ts"), MAIN);
  const loader = join(ROOT, "config/runtime/typescript-loader.mjs");
  writeFileSync(
    join(root, "role/thread-arguments.mjs"),
    `export const threadArguments = import.meta.url.includes(".cache") ? [] : ["--import", ${JSON.stringify(loader)}];`,
  );
  writeFileSync(join(root, "role/word.ts"), `export const word: string = "first";`);
  writeFileSync(
    join(root, "role/thread.ts"),
    `import { parentPort } from "node:worker_threads"; import { word } from "./word.ts"; parentPort!.postMessage("thread " + word);`,
  );
  return root;
}

function run(root: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [START, ...args], { cwd: root, encoding: "utf8" });
  return { status, stdout, stderr };
}

/** A program that does nothing, and is up. */
async function startIdle(t: { after: (work: () => void) => void }): Promise<ChildProcess> {
  const child = startIdleIn(project(t), t);
  await once(child, "message");
  return child;
}

function startIdleIn(root: string, t: { after: (work: () => void) => void }): ChildProcess {
  writeFileSync(join(root, "role/main.ts"), `setInterval(() => {}, 1000); process.send!("up");`);
  const child = fork(START, ["role/main.ts"], { cwd: root });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

async function assertNothingBeside(child: ChildProcess): Promise<void> {
  const beside = () => {
    const { stdout } = spawnSync("ps", ["-eo", "ppid=,args="], { encoding: "utf8" });
    return stdout.split("\n").filter((line) => Number(line.trim().split(" ")[0]) === child.pid);
  };
  // It has been told to end, which takes it a moment.
  for (let i = 0; i < 100 && beside().length > 0; i++) await delay(100);
  assert.deepEqual(beside(), []);
}

test("a program and its thread run compiled, and are compiled again when a source of either has changed", (t) => {
  const root = project(t);
  const expected = (word: string) => ({
    ...{ word, place: join(root, "role"), said: `thread ${word}`, rest: "--a,b", compiled: true },
  });
  const first = run(root, "role/main.ts", "--a", "b");
  assert.deepEqual(JSON.parse(first.stdout), expected("first"), first.stderr);
  const cache = join(root, "node_modules/.cache/wattveil");
  const made = readFileSync(join(cache, "role-main.ts.mjs"));
  assert.deepEqual(JSON.parse(run(root, "role/main.ts", "--a", "b").stdout), expected("first"));
  assert.deepEqual(readFileSync(join(cache, "role-main.ts.mjs")), made);
  writeFileSync(join(root, "role/word.ts"), `export const word: string = "second";`);
  assert.deepEqual(JSON.parse(run(root, "role/main.ts", "--a", "b").stdout), expected("second"));
});

test("programs that share a thread are compiled at the same time, from nothing, also under a loader for TypeScript", (t) => {
  const root = project(t);
  writeFileSync(join(root, "role/other.ts"), MAIN);
  const all = `const { compile } = await import("./config/runtime/compile.mjs");
    await Promise.all(["role/main.ts", "role/other.ts"].map((entry) => compile(entry)));`;
  const args = ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", all];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const made = readdirSync(join(root, "node_modules/.cache/wattveil"));
  const whole = ["role-main", "role-other", "role-thread"].flatMap((name) =>
    ["", ".json", ".map"].map((end) => `${name}.ts.mjs${end}`),
  );
  assert.deepEqual(
    made.filter((name) => name.startsWith("role")),
    whole,
  );
});

test("where nothing can be written the sources run as they are", (t) => {
  const root = project(t);
  rmSync(join(root, "node_modules/.cache"), { recursive: true });
  writeFileSync(join(root, "node_modules/.cache"), "");
  const { stdout, stderr } = run(root, "role/main.ts");
  const said = JSON.parse(stdout || "{}") as Record<string, unknown>;
  assert.deepEqual([said["word"], said["said"], said["compiled"]], ["first", "thread first", false], stderr);
});

test("what is cut short in the cache, or gone from it, is made again", (t) => {
  const root = project(t);
  const cache = join(root, "node_modules/.cache/wattveil");
  const program = join(cache, "role-main.ts.mjs");
  writeFileSync(join(root, "role/main.ts"), `import { z } from "zod"; console.log(typeof z.string);`);
  const packages = () => join(cache, readdirSync(cache).find((name) => name.startsWith("packages-")) ?? "no packages");
  const says = (what: string) => {
    const { status, stdout, stderr } = run(root, "role/main.ts");
    assert.deepEqual([status, stdout], [0, "function\n"], `${what}: ${stderr}`);
    assert.deepEqual(readdirSync(cache).length, 4, what); // the program, its map, its list, its packages
  };
  says("made");
  truncateSync(program);
  says("an empty program");
  writeFileSync(join(packages(), "zod.mjs"), "");
  rmSync(program);
  says("an empty package");
  rmSync(packages(), { recursive: true });
  says("no packages");
});

test("a program that cannot be written leaves no part of it, and no compiler", async (t) => {
  const root = project(t);
  const cache = join(root, "node_modules/.cache/wattveil");
  mkdirSync(join(cache, "role-main.ts.mjs"), { recursive: true });
  const first = startIdleIn(root, t); // the loader of sources has a compiler of its own, until it knows them
  await once(first, "message");
  const child = startIdleIn(root, t);
  await once(child, "message");
  assert.deepEqual(
    readdirSync(cache).filter((name) => name.startsWith("role-main.ts.mjs.") && !/\.(map|json)$/.test(name)),
    [],
  );
  await assertNothingBeside(child);
});

test("a fault in a source and a program that is not there are told, with a failure", (t) => {
  const root = project(t);
  writeFileSync(join(root, "role/word.ts"), `export const word: string = ;`);
  const { status, stderr } = run(root, "role/main.ts");
  assert.notEqual(status, 0);
  assert.match(stderr, /word\.ts/);
  const missing = run(root, "role/nobody.ts");
  assert.notEqual(missing.status, 0);
  assert.match(missing.stderr, /nobody\.ts/);
});

test("an error in a compiled program names the line of its source", (t) => {
  const root = project(t);
  writeFileSync(
    join(root, "role/word.ts"),
    `type Word = string;\n\nexport const word: Word = (() => { throw new Error("here"); })();`,
  );
  const { status, stderr } = run(root, "role/main.ts");
  assert.equal(status, 1);
  assert.match(stderr, /^Error: here\n.*role\/word\.ts:3:/m);
  assert.doesNotMatch(stderr, /at .*main\.ts\.mjs:/);
});

test("an error in a compiled program without its map is told with its place there", (t) => {
  const root = project(t);
  writeFileSync(join(root, "role/word.ts"), `export const word: string = "first";`);
  writeFileSync(
    join(root, "role/main.ts"),
    `import { rmSync } from "node:fs"; rmSync(process.argv[1] + ".map"); throw new Error("here");`,
  );
  const { status, stderr } = run(root, "role/main.ts");
  assert.equal(status, 1);
  assert.match(stderr, /^Error: here\n.*role-main\.ts\.mjs:/m);
});

test("a program whose parent is gone ends", async (t) => {
  const child = await startIdle(t);
  child.disconnect();
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  assert.equal(signal, "SIGTERM");
});

test("no compiler stays beside a program that was compiled at its start", async (t) => {
  await assertNothingBeside(await startIdle(t));
});
