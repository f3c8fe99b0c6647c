/**
 * What is deployed: units that systemd takes, and the services of the compose file, run as processes with the volumes of
 * each as folders. No container is built here: no engine for them runs where these tests run.
 */
// needs: systemd-analyze
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "../..");
const DEPLOYMENT = join(ROOT, "config/deployment");
const COMMAND = join(ROOT, "bin/wattveil.mjs");

const service = z.looseObject({
  command: z.array(z.string()),
  entrypoint: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()),
  volumes: z.array(z.string()),
});
const compose = z.looseObject({
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
});

function readCompose() {
  return compose.parse(parse(readFileSync(join(DEPLOYMENT, "compose.yaml"), "utf8"), { merge: true }));
}

test("systemd takes the units, and their commands exist", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-units-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const commands = Object.keys(
    (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: object }).scripts,
  );
  const units = readdirSync(join(DEPLOYMENT, "systemd"));
  assert.ok(units.length >= 4);
  for (const unit of units) {
    const text = readFileSync(join(DEPLOYMENT, "systemd", unit), "utf8");
    const [, command = ""] = /^ExecStart=\/usr\/bin\/wattveil (\S+) /m.exec(text) ?? [];
    assert.ok(command === "%i" || commands.includes(command), `${unit}: ${command}`);
    // The command is not installed where this is tested.
    writeFileSync(join(folder, unit), text.replaceAll("/usr/bin/wattveil", "/bin/true"));
  }
  const instances = units.map((unit) => join(folder, unit.replace("@.", "@1.")));
  for (const [i, unit] of units.entries())
    if (instances[i] !== join(folder, unit)) copyFileSync(join(folder, unit), instances[i]!);
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", ...instances], { encoding: "utf8" });
  // What it says of units of this machine is none of ours.
  const ours = stderr.split("\n").filter((line) => line.includes(folder) || line.includes("wattveil"));
  assert.deepEqual([status, ours], [0, []]);
});

test("every volume that a service names is declared, and no service sees the keys of another", () => {
  const { services, volumes } = readCompose();
  for (const [name, { volumes: mounted }] of Object.entries(services)) {
    for (const mount of mounted) assert.ok(Object.hasOwn(volumes, mount.replace(/:.*/, "")), `${name}: ${mount}`);
    const keys = mounted.filter((mount) => mount.includes("/data/keys"));
    if (name !== "enrol") assert.deepEqual(keys, [`keys-${name}:/data/keys/${name}:ro`]);
  }
});

test("the services of the compose file start from their own volumes, find the broker, and one of them answers over HTTP", async (t) => {
  const { services } = readCompose();
  const folder = mkdtempSync(join(tmpdir(), "wattveil-compose-"));
  const running: ChildProcess[] = [];
  t.after(async () => {
    for (const child of running) {
      if (child.exitCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  });
  const ports = {
    WV_BROKER_TLS_PORT: await freePort(),
    WV_BROKER_WSS_PORT: await freePort(),
    WV_BROKER_PUBLIC_PORT: await freePort(),
  };
  const api = await freePort();
  const local = {
    ...ports,
    WV_BROKER_HOST: "127.0.0.1",
    WV_BROKER_LISTEN: "127.0.0.1",
    WV_API_HOST: "127.0.0.1",
    WV_API_PORT: api,
  };

  const start = (name: string): ChildProcess => {
    const { command, entrypoint, environment, volumes } = services[name]!;
    const own = join(folder, "services", name);
    const data = join(own, "data");
    for (const mount of [...volumes].sort()) {
      const [volume = "", at = ""] = mount.split(":");
      const target = join(folder, "volumes", volume);
      const place = join(own, at);
      mkdirSync(target, { recursive: true, mode: 0o700 });
      mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
      if (!existsSync(place)) symlinkSync(target, place);
    }
    const paths = { WV_PATHS_DATA: data, WV_PATHS_LOGS: join(data, "logs"), WV_PATHS_RESULTS: join(data, "results") };
    const env = { PATH: process.env["PATH"] ?? "", ...environment, ...local, ...paths };
    const texts = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, String(value)]));
    // A script of the shell gets the folders that it would see in its container.
    const script = entrypoint?.[2]?.replaceAll("$$", "$").replaceAll(/ (\/(?:authority|hand-out))/g, ` ${own}$1`);
    const [program, args] =
      script === undefined
        ? [process.execPath, [COMMAND, ...command]]
        : ["sh", ["-euc", `wattveil() { "${process.execPath}" "${COMMAND}" "$@"; }\n${script}`]];
    const child = spawn(program, args, { env: texts, cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    running.push(child);
    return child;
  };

  const enrol = start("enrol");
  let said = "";
  enrol.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(enrol, "exit")) as [number];
  assert.equal(code, 0, said);
  const parties = Object.keys(services).filter((name) => name !== "enrol");
  for (const name of parties) start(name);
  const logOf = (name: string): string => {
    const file = join(folder, "services", name, "data/logs/system.log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  for (const name of parties) {
    const words = name === "broker" ? /listening: mqtts/ : /connected to the broker/;
    for (let i = 0; !words.test(logOf(name)); i++) {
      assert.ok(i < 1_200, `${name} is not up: ${logOf(name)}`);
      await sleep(50);
    }
  }
  const health = await fetch(`http://127.0.0.1:${api}/health`);
  assert.equal(health.status, 200);
});

test("the image is made of what is there", () => {
  const text = readFileSync(join(DEPLOYMENT, "Dockerfile"), "utf8");
  const [, list = ""] = /for command in ([^;]+);/.exec(text) ?? [];
  const help = execFileSync(process.execPath, [COMMAND, "--help"], { encoding: "utf8" });
  const known = /^Commands: (.*)$/m.exec(help)?.[1]?.split(", ") ?? [];
  assert.deepEqual(
    list.split(" ").filter((command) => !known.includes(command)),
    [],
  );
  const ignored = readFileSync(join(DEPLOYMENT, "Dockerfile.dockerignore"), "utf8").split("\n");
  for (const own of ["**/node_modules", "data*", "logs", "results"]) assert.ok(ignored.includes(own), own);
  for (const [, files = ""] of text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
    for (const file of files.split(" ")) assert.ok(existsSync(join(ROOT, file)), file);
  }
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
