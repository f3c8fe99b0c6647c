import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadConfig } from "../../config/index.ts";
import { ConfigFiles } from "./config-files.ts";
import { planGenerated } from "./fleet-plan.ts";

const config = loadConfig({ profile: "demo", env: {} });

async function filesIn(t: { after: (work: () => void) => void }, routed: boolean) {
  const data = mkdtempSync(join(tmpdir(), "wattveil-config-files-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const routeOf = (name: string, broker: typeof config.broker) =>
    Promise.resolve({ ...broker, tlsPort: name === "a-1" ? 1_001 : 1_002 });
  const plan = await planGenerated(config, undefined);
  return new ConfigFiles({ data, config, plan, ...(routed ? { routeOf } : {}) });
}

const portIn = (file: string): number => loadConfig({ file, env: {} }).broker.tlsPort;

test("where all go straight to the broker they read one file", async (t) => {
  const files = await filesIn(t, false);
  files.writeShared({ ...config.broker, tlsPort: 1_000 });
  await files.writeRoutes(["a-1", "utility"], config.broker);
  assert.equal(files.of("a-1"), files.shared);
  assert.equal(portIn(files.shared), 1_000);
});

test("each that has a way of its own reads a file of its own, which differs in that alone", async (t) => {
  const files = await filesIn(t, true);
  const broker = { ...config.broker, tlsPort: 1_000 };
  files.writeShared(broker);
  await files.writeRoutes(["a-1", "utility"], broker);
  assert.deepEqual([portIn(files.shared), portIn(files.of("a-1")), portIn(files.of("utility"))], [1_000, 1_001, 1_002]);
  const text = readFileSync(files.of("a-1"), "utf8");
  assert.equal(text.replace("tlsPort: 1001", "tlsPort: 1000"), readFileSync(files.shared, "utf8"));
  assert.equal(existsSync(files.of("a-2")), false);
});
