/** Runs tests of stores once more, on a PostgreSQL server that is started for them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { SERVER_VARIABLE } from "../../../config/runtime/testing/store-place.ts";
import { TemporaryServer } from "../../../config/runtime/postgres/temporary-server.ts";

const ROOT = path.join(import.meta.dirname, "../../..");

/** Rejects, with what the runner printed, when one of them fails or none was run. */
export async function runOnServer(files: readonly string[]): Promise<void> {
  const server = await TemporaryServer.start();
  try {
    const args = ["--import", import.meta.resolve("tsx"), "scripts/test.ts", "--concurrency", "2", ...files];
    const env = { ...process.env, [SERVER_VARIABLE]: server.url };
    const run = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [run.stdout, run.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(run, "close")) as [number | null];
    assert.equal(code, 0, said.slice(-20_000));
    // They were there, not in files.
    const schemas = server.query("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 't\\_%'");
    assert.ok(
      Number(schemas[0]?.[0]) >= files.length,
      `${String(schemas[0]?.[0])} schemas after ${files.length} files`,
    );
  } finally {
    await server.stop();
  }
}
