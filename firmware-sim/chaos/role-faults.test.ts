/** The faults that are loaded before a role: a process of its own each, told over its channel. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { RoleFault } from "./role-messages.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FAULTS = new URL("./role-faults.mjs", import.meta.url).href;

/** A process that runs `body` for each message `{ type: "ask" }` and answers with what it returns. */
function roleOf(t: TestContext, before: string, body: string): ChildProcess {
  const program = `${before}; process.on("message", ({ type }) => { if (type === "ask") process.send({ answer: (() => { ${body} })() }); }); process.send({ ready: true }); setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, ["--import", FAULTS, "--input-type=module", "-e", program], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

async function ask(child: ChildProcess): Promise<unknown> {
  child.send({ type: "ask" });
  const [message] = (await once(child, "message")) as [{ answer: unknown }];
  return message.answer;
}

test("the system's clock of a role jumps, for Date.now() and new Date() alike, and jumps back", async (t) => {
  const child = roleOf(
    t,
    "",
    "return [Date.now(), new Date().getTime(), new Date(5).getTime(), new Date() instanceof Date];",
  );
  await once(child, "message");
  const offBy = async (): Promise<unknown[]> => {
    const [now, made, given, isDate] = (await ask(child)) as [number, number, number, boolean];
    return [...[now, made].map((time) => Math.round((time - Date.now()) / 10_000) + 0), given, isDate];
  };
  assert.deepEqual(await offBy(), [0, 0, 5, true]);
  child.send({ type: "wall-clock", offsetSeconds: -86_400 } satisfies RoleFault);
  assert.deepEqual(await offBy(), [-8_640, -8_640, 5, true]);
  child.send({ type: "wall-clock", offsetSeconds: 0 } satisfies RoleFault);
  assert.deepEqual(await offBy(), [0, 0, 5, true]);
});

test("a database finds no room, with SQLite's own error", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-no-room-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const before = `import Database from "better-sqlite3"; const db = new Database(${JSON.stringify(join(folder, "x.db"))}); db.pragma("journal_mode = WAL"); db.exec("CREATE TABLE t (b BLOB)")`;
  const body =
    'try { db.prepare("INSERT INTO t VALUES (?)").run(Buffer.alloc(65536)); return "written"; } catch (error) { return error.code; }';
  const child = roleOf(t, before, body);
  await once(child, "message");
  assert.equal(await ask(child), "written");
  child.send({ type: "no-room" } satisfies RoleFault);
  assert.equal(await ask(child), "SQLITE_FULL");
});
