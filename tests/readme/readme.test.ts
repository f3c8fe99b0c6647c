/** Every command of the README is run as it stands there, in a folder of its own and on free ports. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { maySubscribe } from "../../protocol/topic-rules.ts";
import { ROOT, startFleet, temporaryFolder } from "../fleet/testing/command.ts";

const README = readFileSync(join(ROOT, "README.md"), "utf8");

/** The lines of all `sh` blocks, in order. */
const COMMANDS = [...README.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) =>
  block.trim().split("\n"),
);

/** The one line that feeds a meter: the shell works out the slot that has just ended. */
const FEED_LINE = COMMANDS.find((line) => line.startsWith("echo ")) ?? "echo";

/** What each command is checked by; a line of the README that is not here fails the test. */
const CHECKED_BY: ReadonlyMap<string, "fleet" | "alone" | "text"> = new Map([
  ["npm ci && npm run fleet", "fleet"],
  ["npm ci && npm test", "text"],
  ["npm run fleet -- --readings readings.csv --data data-replay --json", "fleet"],
  ["npm run bills -- --data data --meter m-001", "fleet"],
  ["npm run -s meter -- readings --id m-001 --csv > data/m-001.csv", "fleet"],
  ["npm run bills -- verify --readings data/m-001.csv --meter m-001", "fleet"],
  ["npm run he -- results", "fleet"],
  ["npm run he -- plan variance --group fleet", "fleet"],
  ["npm run he -- audit 1", "fleet"],
  ["npm run audit -- --id 1 --profile demo", "fleet"],
  ["mosquitto_sub -t 'wv/1/pub/#' -v", "text"],
  ["npm run enrol -- --meters 50", "alone"],
  ["npm run broker", "alone"],
  ["npm run aggregator -- --id 1", "alone"],
  ["npm run utility", "alone"],
  ["npm run meter -- --id m-001", "alone"],
  [FEED_LINE, "alone"],
  ["npm run enrol -- add --meter m-051 --feeder f-1", "alone"],
  ["npm run enrol -- revoke --meter m-051", "alone"],
]);

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

/** Starts an `npm run` line of the README with further arguments. */
function start(line: string, extra: readonly string[], input: "ignore" | "pipe" = "ignore"): ChildProcess {
  assert.ok(COMMANDS.includes(line), `the README shows: ${line}`);
  const [npm = "", run = "", name = "", separator, ...args] = line.replace(/^npm ci && /, "").split(" ");
  assert.deepEqual([npm, run, separator ?? "--"], ["npm", "run", "--"]);
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(NODE_TEST_|WV_|npm_)/.test(key)));
  return spawn("npm", ["run", "--silent", name, "--", ...args, ...extra], {
    cwd: ROOT,
    env,
    stdio: [input, "pipe", "pipe"],
    detached: true,
  });
}

/** Runs a line of the README in a shell, with further arguments at its end. */
function startShell(line: string, extra: readonly string[]): ChildProcess {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(NODE_TEST_|WV_|npm_)/.test(key)));
  const quoted = extra.map((argument) => `'${argument}'`).join(" ");
  return spawn("sh", ["-c", `${line} ${quoted}`], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
}

/** Keeps logs out of the repository. */
function quiet(folder: string): string[] {
  return ["--set", `paths.logs=${join(folder, "logs")}`];
}

async function finish(child: ChildProcess): Promise<Finished> {
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

/** npm passes no signals on to what it runs, so the whole group is ended. */
function endGroup(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(-child.pid, "SIGTERM");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  server.close();
  await once(server, "close");
  return address.port;
}

test("every command that the README shows is checked here", () => {
  const sql = COMMANDS.filter((line) => line.startsWith("sqlite3 "));
  const others = COMMANDS.filter((line) => !line.startsWith("sqlite3 "));
  assert.ok(sql.length >= 2);
  assert.deepEqual(
    others.filter((line) => !CHECKED_BY.has(line)),
    [],
  );
  for (const line of CHECKED_BY.keys()) assert.ok(COMMANDS.includes(line), `the README no longer shows: ${line}`);
  assert.ok(maySubscribe({ role: "public", id: "anyone" }, "wv/1/pub/#"));
});

test("every file and folder that the README names exists", () => {
  const linked = [...README.matchAll(/\]\((?!http)([^)#]+)\)/g)].map(([, path = ""]) => path);
  const folders = [...README.matchAll(/`((?:[a-z-]+\/)+)`/g)].map(([, path = ""]) => path);
  assert.ok(linked.length > 3 && folders.length > 5);
  for (const path of [...linked, ...folders]) assert.ok(existsSync(join(ROOT, path)), `${path} is missing`);
});

test("the fleet, its bills, its replay and its queries work as shown", async (t) => {
  const folder = temporaryFolder(t);
  const truth = join(folder, "truth.csv");
  const { code, stdout, stderr } = await startFleet(folder, ["--truth", truth, "--set", "homomorphic.enabled=true"])
    .result;
  assert.equal(code, 0, stderr);
  // The width of the table follows its longest line, which names megabytes.
  const squeezed = (text: string): string => text.replaceAll(/ +/g, " ");
  const shown = README.split("\n").filter((text) => text.startsWith("│ "));
  assert.equal(shown.length, 3);
  for (const line of shown) assert.ok(squeezed(stdout).includes(squeezed(line)), `printed as in the README: ${line}`);
  const bills = await finish(start("npm run bills -- --data data --meter m-001", ["--data", join(folder, "data")]));
  assert.equal(bills.code, 0, bills.output);
  assert.match(bills.output, /m-001/);

  // As they follow the first command of the README, in another folder.
  for (const name of ["npm run -s meter -- readings", "npm run bills -- verify"]) {
    const line = COMMANDS.find((one) => one.startsWith(name)) ?? name;
    const done = await finish(
      startShell(line.replaceAll(" data/", ` ${folder}/data/`), ["--data", join(folder, "data"), ...quiet(folder)]),
    );
    assert.equal(done.code, 0, done.output);
    if (name.includes("verify")) assert.match(done.output, /^1 bill checked: it follows from readings and tariff$/m);
  }
  for (const name of ["results", "plan variance --group fleet", "audit 1"]) {
    const done = await finish(start(`npm run he -- ${name}`, ["--data", join(folder, "data"), ...quiet(folder)]));
    assert.equal(done.code, 0, done.output);
    assert.match(done.output, name === "results" ? /sum .*Wh/ : name === "audit 1" ? /every byte/ : /fits/);
  }
  const audit = start("npm run bills -- verify --readings data/m-001.csv --meter m-001", [
    ...["--readings", truth, "--data", join(folder, "data")],
  ]);
  const audited = await finish(audit);
  assert.equal(audited.code, 0, audited.output);

  const database = new Database(join(folder, "data/utility/utility.db"), { readonly: true });
  t.after(() => database.close());
  for (const line of COMMANDS.filter((one) => one.startsWith("sqlite3 "))) {
    const sql = /^sqlite3 data\/utility\/utility\.db "(.*)"$/.exec(line)?.[1];
    assert.ok(sql !== undefined, line);
    assert.equal(database.prepare(sql).all().length, 5, sql);
  }

  const replay = temporaryFolder(t);
  const rows = Array.from(
    { length: 6 * 96 },
    (_, i) => `house-${i % 6},${1736895600 + 900 * Math.floor(i / 6)},${i % 400}`,
  );
  writeFileSync(join(replay, "readings.csv"), `meter,slot_start,energy_wh\n${rows.join("\n")}\n`);
  const args = ["--readings", join(replay, "readings.csv"), "--json", "--set", "release.minSlots=12"];
  const result = await startFleet(replay, args).result;
  assert.equal(result.code, 0, result.stderr);
  const summary = JSON.parse(result.stdout) as { billsExact: boolean; feederLoadsExact: boolean };
  assert.deepEqual([summary.billsExact, summary.feederLoadsExact], [true, true]);
});

test("the parts run alone, and meters come and go while they do", async (t) => {
  // Ended before their folder is removed: who still writes there would keep it, and itself.
  const roles: ChildProcess[] = [];
  t.after(async () => {
    await Promise.all(
      roles.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, "exit");
        endGroup(child);
        await ended;
      }),
    );
  });
  const folder = temporaryFolder(t);
  const data = join(folder, "data");
  mkdirSync(data);
  const [tlsPort, wssPort, publicPort] = [await freePort(), await freePort(), await freePort()];
  const settings = [
    `broker.tlsPort=${tlsPort}`,
    `broker.wssPort=${wssPort}`,
    `broker.publicPort=${publicPort}`,
    `paths.logs=${join(folder, "logs")}`,
    `paths.results=${join(folder, "results")}`,
  ];
  const common = ["--data", data, ...settings.flatMap((value) => ["--set", value])];
  const enrolled = await finish(start("npm run enrol -- --meters 50", common));
  assert.equal(enrolled.code, 0, enrolled.output);

  roles.push(start("npm run broker", common));
  roles.push(start("npm run aggregator -- --id 1", common));
  for (const id of ["2", "3"]) {
    // The README shows the first of three.
    roles.push(
      spawn("npm", ["run", "--silent", "aggregator", "--", "--id", id, ...common], { cwd: ROOT, detached: true }),
    );
  }
  roles.push(start("npm run utility", common));

  const meter = start("npm run meter -- --id m-001", [...common, "--once"], "pipe");
  const slot = Math.floor(Date.now() / 900_000) - 2;
  meter.stdin?.end(`${JSON.stringify({ slotStart: slot * 900, energyWh: 312 })}\n`);
  const read = await finish(meter);
  assert.equal(read.code, 0, read.output);

  const fed = await finish(startShell(FEED_LINE, common));
  assert.equal(fed.code, 0, fed.output);
  assert.match(fed.output, /^1 slot settled$/m);

  const own = await finish(startShell("npm run -s meter -- readings --id m-001 --csv", common));
  assert.equal(own.code, 0, own.output);
  assert.ok(own.output.includes(`m-001,${slot * 900},312`), own.output);

  const added = await finish(start("npm run enrol -- add --meter m-051 --feeder f-1", common));
  assert.equal(added.code, 0, added.output);
  const newcomer = spawn("npm", ["run", "--silent", "meter", "--", "--id", "m-051", "--once", ...common], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "pipe"],
  });
  // It belongs to the feeder from the next slot on.
  const first = Math.floor(Date.now() / 900_000) + 1;
  newcomer.stdin.end(`${JSON.stringify({ slotStart: first * 900, energyWh: 5 })}\n`);
  const joined = await finish(newcomer);
  assert.equal(joined.code, 0, joined.output);
  const revoked = await finish(start("npm run enrol -- revoke --meter m-051", common));
  assert.equal(revoked.code, 0, revoked.output);
});
