import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isLocked, LockHeldError, takeLock } from "./folder-lock.ts";

const HOLDER = `
  const { takeLock } = await import(${JSON.stringify(new URL("./folder-lock.ts", import.meta.url).href)});
  takeLock(process.argv[1]);
  console.log("held");
  setInterval(() => undefined, 1000);
`;

test("a lock names its holder while that lives, and ends with it, also by kill -9", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-lock-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "new", "lock.db");
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", HOLDER, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  assert.equal(isLocked(file), true);
  assert.throws(
    () => takeLock(file),
    (error) => error instanceof LockHeldError && error.pid === child.pid,
  );
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal(isLocked(file), false);
  const lock = takeLock(file);
  assert.throws(() => takeLock(file), LockHeldError);
  lock.release();
  takeLock(file).release();
});
