import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol } from "../../config/enrolment/index.ts";
import { loadConfig, type Config } from "../../config/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { checkConfiguration } from "./configuration.ts";
import type { Finding } from "./finding.ts";
import { checkArithmetic, checkInstallation, checkNativeModules } from "./installation.ts";
import { checkKeys } from "./keys.ts";
import { checkPorts } from "./ports.ts";
import { checkPrograms } from "./programs.ts";
import { checkDatabases, checkDisk, checkFolder } from "./storage.ts";
import { guarded } from "./validate.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wattveil-validate-"));
const ENROLLED = join(ROOT, "enrolled");
const NOW = Date.parse("2025-03-01T00:00:00Z");

before(async () => {
  const meters = ["m-001", "m-002"].map((meter) => ({ meter, feeder: "f-1" }));
  await enrol({ data: ENROLLED, meters, simulation: true, now: NOW / 1000 });
});
after(() => rmSync(ROOT, { recursive: true, force: true }));

function configOf(data: string, set: Readonly<Record<string, unknown>> = {}): Config {
  const fields = { "paths.data": data, "simulation.enabled": true, ...set };
  return loadConfig({
    env: {},
    flags: Object.entries(fields).map(([path, value]) => ({ name: "test", path, value })),
  });
}

/** A copy of the enrolled system that a test may damage. */
function copy(name: string): string {
  const data = join(ROOT, name);
  cpSync(ENROLLED, data, { recursive: true });
  return data;
}

function faults(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ state }) => state === "fault");
}

function only(findings: readonly Finding[]): Finding {
  const found = faults(findings);
  assert.equal(found.length, 1, JSON.stringify(found));
  return found[0]!;
}

test("an installation is complete when every package has the version that package.json names", () => {
  const root = join(ROOT, "program");
  const install = (name: string, version: string): void => {
    mkdirSync(join(root, "node_modules", name), { recursive: true });
    writeFileSync(join(root, "node_modules", name, "package.json"), JSON.stringify({ version }));
  };
  install("one", "1.2.3");
  install("two", "2.0.0");
  const manifest = { version: "0.1.0", engines: { node: ">=20.19" }, dependencies: { one: "1.2.3", two: "2.0.0" } };
  const write = (more: object): void =>
    writeFileSync(join(root, "package.json"), JSON.stringify({ ...manifest, ...more }));
  write({});
  assert.deepEqual(faults(checkInstallation(root, "20.19.0")), []);
  assert.deepEqual(faults(checkInstallation(root, "22.1.0")), []);

  assert.match(only(checkInstallation(root, "20.18.9")).detail, /20\.18\.9, but >=20\.19/);
  write({ dependencies: { one: "1.2.4", two: "2.0.0", three: "3.0.0" } });
  const wrong = only(checkInstallation(root, "20.19.0"));
  assert.equal(wrong.detail, "one is 1.2.3, not 1.2.4; three is missing");
  assert.equal(wrong.remedy, "npm ci");
  write({ devDependencies: { four: "4.0.0" } });
  const findings = checkInstallation(root, "20.19.0");
  assert.deepEqual(faults(findings), []);
  assert.ok(findings.some(({ state }) => state === "note"));
});

test("a missing package.json is a fault, not a crash", () => {
  assert.match(only(checkInstallation(join(ROOT, "nowhere"), "20.19.0")).detail, /package\.json/);
});

test("a native module that does not load is a fault that names the remedy", () => {
  const broken = checkNativeModules(() => {
    throw new Error("was compiled against another version");
  });
  assert.equal(broken.state, "fault");
  assert.match(broken.remedy, /npm rebuild/);
  assert.equal(checkNativeModules().state, "ok");
});

test("a machine that computes wrongly is a fault", async () => {
  const findings = await checkArithmetic(() =>
    Promise.resolve([{ name: "field", passed: false, detail: "1 + 1: expected 2, got 3" }]),
  );
  assert.match(only(findings).detail, /got 3/);
});

test("every fault of a configuration is a finding", () => {
  const { config, findings } = checkConfiguration({
    env: {},
    flags: [
      { name: "--set", path: "system.threshold", value: "9" },
      { name: "--set", path: "meter.colour", value: "red" },
    ],
  });
  assert.equal(config, undefined);
  assert.deepEqual(
    faults(findings)
      .map(({ check }) => check)
      .sort(),
    ["meter.colour", "system.threshold"],
  );
});

test("without a named configuration the fleet's own counts where it has run", () => {
  const data = join(ROOT, "ran");
  mkdirSync(join(data, "fleet"), { recursive: true });
  writeFileSync(join(data, "fleet", "config.yaml"), "system:\n  aggregators: 5\n");
  const flags = [{ name: "--data", path: "paths.data", value: data }];
  assert.equal(checkConfiguration({ env: {}, flags }).config?.system.aggregators, 5);
  assert.equal(checkConfiguration({ env: {}, flags, profile: "demo" }).config?.system.aggregators, 3);
});

test("a folder that does not exist yet is fine, one that is a file is not", () => {
  assert.equal(checkFolder("paths.data", join(ROOT, "not", "yet")).state, "ok");
  const file = join(ROOT, "file");
  writeFileSync(file, "");
  assert.equal(checkFolder("paths.data", file).state, "fault");
});

test("a disk that is nearly full is a fault, one that is filling up a note", () => {
  assert.equal(checkDisk(ROOT, () => 50).state, "fault");
  assert.equal(checkDisk(ROOT, () => 900).state, "note");
  assert.equal(checkDisk(ROOT, () => 90_000).state, "ok");
});

test("before any enrolment there is a note on how to enrol, and no fault", async () => {
  const findings = await checkKeys(configOf(join(ROOT, "fresh")), NOW);
  assert.deepEqual(
    findings.map(({ state }) => state),
    ["note"],
  );
  assert.match(findings[0]!.remedy, /npm run fleet.*npm run enrol/);
});

test("an enrolled system has nothing to find fault with", async () => {
  assert.deepEqual(faults(await checkKeys(configOf(ENROLLED), NOW)), []);
});

test("a key file that others may read is a fault with the command that closes it", {
  skip: process.platform === "win32",
}, async () => {
  const data = copy("open");
  chmodSync(join(data, "keys", "a-1", "sign.key"), 0o644);
  assert.match(only(await checkKeys(configOf(data), NOW)).detail, /a-1\/sign\.key.*chmod 600/);
});

test("a missing file, a foreign file and exchanged keys are faults that name the folder", async () => {
  const data = copy("damaged");
  const keys = join(data, "keys");
  rmSync(join(keys, "m-001", "meter.json"));
  writeFileSync(join(keys, "a-2", "notes.txt"), "", { mode: 0o600 });
  cpSync(join(keys, "a-1", "sign.key"), join(keys, "a-3", "sign.key"));
  const found = faults(await checkKeys(configOf(data), NOW)).map(({ detail }) => detail);
  assert.equal(found.length, 3, found.join("\n"));
  for (const folder of ["m-001", "a-2", "a-3"])
    assert.ok(
      found.some((detail) => detail.includes(folder)),
      folder,
    );
});

test("certificates that have expired are a fault, those about to expire a note", async () => {
  const years = (count: number): number => NOW + count * 365 * 86_400_000;
  const late = await checkKeys(configOf(ENROLLED), years(21));
  assert.match(only(late).detail, /expired: .*a-1/);
  const soon = await checkKeys(configOf(ENROLLED), years(20) - 20 * 86_400_000);
  assert.deepEqual(faults(soon), []);
  assert.ok(soon.some(({ check, state }) => check === "certificates" && state === "note"));
  assert.match(only(await checkKeys(configOf(ENROLLED), NOW - 30 * 86_400_000)).detail, /not valid yet/);
});

test("a configuration that differs from what was enrolled is a fault for each field", async () => {
  const config = configOf(ENROLLED, { "system.aggregators": 5, "system.slotSeconds": 1_800 });
  const found = faults(await checkKeys(config, NOW)).map(({ detail }) => detail);
  assert.deepEqual(found, [
    "enrolled with 3, but system.aggregators is 5",
    "enrolled with 2, but system.quorum is 3",
    "enrolled with 900, but system.slotSeconds is 1800",
  ]);
});

test("folders of two systems in one place are found", async () => {
  const other = join(ROOT, "other");
  await enrol({ data: other, meters: [{ meter: "m-009", feeder: "f-1" }], simulation: true, now: NOW / 1000 + 5 });
  const data = copy("mixed");
  cpSync(join(other, "keys", "m-009"), join(data, "keys", "m-009"), { recursive: true });
  const found = faults(await checkKeys(configOf(data), NOW)).map(({ detail }) => detail);
  assert.ok(
    found.some((detail) => detail.includes("m-009: of another system")),
    found.join("\n"),
  );
});

test("a port that another program holds is a fault, a free one is not", async () => {
  const server = createServer((socket) => socket.end("who are you?"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const free = { "broker.tlsPort": 0, "broker.wssPort": 0, "broker.publicPort": 0 };
  try {
    assert.deepEqual(faults(await checkPorts(configOf(ENROLLED, free))), []);
    for (const name of ["broker.tlsPort", "broker.wssPort", "broker.publicPort"]) {
      const found = only(await checkPorts(configOf(ENROLLED, { ...free, [name]: port })));
      assert.equal(found.check, name);
      assert.match(found.detail, /taken by another program/);
    }
  } finally {
    server.close();
  }
  const findings = await checkPorts(configOf(ENROLLED, { ...free, "broker.tlsPort": port }));
  assert.match(findings[0]!.detail, /is free/);
});

/** Speaks as much MQTT as the question needs: accepts, and answers the two filters with these codes. */
async function mqttServer(codes: readonly number[]): Promise<Server> {
  const server = createServer((socket) => {
    socket.once("data", () => {
      // In two pieces, as a network may deliver them.
      socket.write(Buffer.from([0x20, 2]));
      socket.write(Buffer.from([0, 0]));
      socket.once("data", (bytes: Buffer) => socket.write(Buffer.from([0x90, 4, bytes[2]!, bytes[3]!, ...codes])));
    });
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

test("a broker of someone else on the public port is not taken for ours", async () => {
  const free = { "broker.tlsPort": 0, "broker.wssPort": 0 };
  for (const [codes, state] of [
    [[0, 0], "fault"],
    [[0x80, 0x80], "fault"],
    [[0, 0x80], "ok"],
  ] as const) {
    const server = await mqttServer(codes);
    const { port } = server.address() as AddressInfo;
    const findings = await checkPorts(configOf(ENROLLED, { ...free, "broker.publicPort": port }));
    server.close();
    const found = findings.find(({ check }) => check === "broker.publicPort");
    assert.equal(found?.state, state, JSON.stringify(codes));
    assert.match(found.detail, state === "ok" ? /our broker answers/ : /taken by another program/);
  }
});

test("folders that this user may not read are faults, not crashes, and the rest is still looked at", async () => {
  const data = join(ROOT, "closed");
  mkdirSync(join(data, "utility"), { recursive: true });
  openDatabase(join(data, "a-1", "aggregator.db"), { synchronous: "FULL" }).close();
  const denied = (): never => {
    throw Object.assign(new Error("EACCES: permission denied, scandir"), { code: "EACCES" });
  };
  const findings = checkDatabases(data, (folder) =>
    folder.endsWith("utility") ? denied() : readdirSync(folder, { withFileTypes: true }),
  );
  assert.deepEqual(
    findings.map(({ check, state }) => [check, state]),
    [
      ["databases", "fault"],
      [join("a-1", "aggregator.db"), "ok"],
    ],
  );
  assert.match(only(findings).detail, /utility cannot be read by this user \(EACCES\)/);
  assert.match(only(checkDatabases(data, denied)).detail, /closed cannot be read/);
  assert.deepEqual(checkDatabases(join(ROOT, "nowhere")), [
    { area: "storage", check: "databases", state: "ok", detail: "none yet", remedy: "" },
  ]);
  assert.match(only(await guarded("keys", denied)).detail, /EACCES/);
});

test("a data folder whose keys are a file is a fault", async () => {
  const data = join(ROOT, "keys-file");
  mkdirSync(data);
  writeFileSync(join(data, "keys"), "");
  assert.match(only(await checkKeys(configOf(data), NOW)).detail, /keys cannot be read by this user \(ENOTDIR\)/);
});

test("a damaged database is a fault, and a whole one is not", () => {
  const data = join(ROOT, "databases");
  openDatabase(join(data, "utility", "utility.db"), { synchronous: "FULL" })
    .exec("CREATE TABLE t (a)")
    .close();
  assert.deepEqual(faults(checkDatabases(data)), []);
  mkdirSync(join(data, "a-1"), { recursive: true });
  writeFileSync(join(data, "a-1", "aggregator.db"), "this is no database, whatever its name says".repeat(50));
  const found = only(checkDatabases(data));
  assert.equal(found.check, join("a-1", "aggregator.db"));
  assert.match(found.detail, /damaged/);
});

test("programs of others are looked for along the path, and only noted when missing", () => {
  const folder = join(ROOT, "bin");
  mkdirSync(folder);
  writeFileSync(join(folder, "sqlite3"), "", { mode: 0o755 });
  const findings = checkPrograms(`${join(ROOT, "nothing")}:${folder}`);
  assert.deepEqual(
    findings.map(({ check, state }) => [check, state]),
    [
      ["mosquitto_sub", "note"],
      ["sqlite3", "ok"],
    ],
  );
});

test("the help has the frame of the other commands: usage, flags, exit codes, examples", () => {
  const main = new URL("../validate-main.ts", import.meta.url).pathname;
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["config/runtime/start.mjs", main, ...args], { encoding: "utf8" });
  const { stdout, status } = run("--help");
  assert.equal(status, 0);
  assert.match(stdout, /^Usage: validate \[flags\] +\(npm run validate -- \[flags\]\)$/m);
  assert.match(stdout, /^Exit codes: 0 .*; 1 .*; 2 wrong usage\.$/m);
  assert.match(stdout, /^Examples:\n {2}npm run validate$/m);
  assert.doesNotMatch(stdout, /\(default:/);
  const wrong = run("--nonsense");
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /--nonsense.*\n+\(--help lists the flags\)/);
});
