/** `npm run fleet` as a user meets it: interrupted, limited in time, run again, begun anew, wrongly used. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pressCtrlC, processesOf, query, runFleet, startFleet, temporaryFolder } from "./testing/command.ts";

const HOURS = ["system.slotSeconds=3600", "release.minSlots=4"];
const SMALL = ["--meters", "10", "--feeders", "2", ...HOURS.flatMap((value) => ["--set", value])];

function commandLine(id: string): string {
  return readFileSync(`/proc/${id}/cmdline`, "utf8");
}

function summaryOf(stdout: string): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Record<string, unknown>;
}

/** With the accounts that the run has made, where it says that the HTTP interface is. */
async function assertSignsIn(folder: string, output: string): Promise<void> {
  const [, address] = /The HTTP interface: (http:\S+) /.exec(output) ?? [];
  const file = join(folder, "data", "fleet", "accounts.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { accounts } = JSON.parse(readFileSync(file, "utf8")) as { accounts: { name: string; password: string }[] };
  assert.deepEqual(
    accounts.map(({ name }) => name),
    ["customer", "operator", "auditor", "admin"],
  );
  for (const { name, password } of accounts) {
    assert.ok(output.includes(password), "printed once");
    const answer = await fetch(`${address}/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, password }),
    });
    assert.equal(answer.status, 200, name);
    if (name === "customer") assert.deepEqual(((await answer.json()) as { meters: string[] }).meters, ["m-001"]);
  }
}

describe("npm run fleet", { concurrency: 3 }, () => {
  test("Ctrl-C in the middle stops every process, and the next run takes the day up again", async (t) => {
    const folder = temporaryFolder(t);
    const run = startFleet(folder, [...SMALL, "--speed", "1200"]);
    await run.printed(/slots: \d+ of 24/);
    assert.ok(processesOf(folder).length >= 5);
    pressCtrlC(run);
    const { stdout, stderr } = await run.result;
    assert.match(
      stderr,
      /interrupted(;| after \d+ of 24 slots:).* a further run in this folder takes the day up again/,
    );
    assert.equal(stdout, "", "no table as if it had finished");
    assert.deepEqual(processesOf(folder), []);
    const again = await runFleet(folder, [...SMALL, "--json"]);
    assert.equal(again.code, 0, again.stderr + again.stdout);
    const { billsExact, feederLoadsExact, bills, slots } = summaryOf(again.stdout);
    assert.deepEqual(
      { billsExact, feederLoadsExact, bills, slots },
      { billsExact: true, feederLoadsExact: true, bills: 10, slots: 24 },
    );
  });

  test("a second run in a folder goes on with the next days, and --fresh begins anew", async (t) => {
    const folder = temporaryFolder(t);
    const first = await runFleet(folder, [...SMALL, "--json"]);
    assert.equal(first.code, 0, first.stderr + first.stdout);
    const second = await runFleet(folder, [...SMALL, "--days", "2", "--json"]);
    assert.equal(second.code, 0, second.stderr + second.stdout);
    const starts = "SELECT DISTINCT period_start FROM bills ORDER BY 1";
    const days = (): string[] => query<{ period_start: string }>(folder, starts).map((row) => row.period_start);
    assert.deepEqual(days(), ["2025-01-15", "2025-01-16", "2025-01-17"]);
    const other = await runFleet(folder, ["--meters", "10", "--feeders", "3", "--json"]);
    assert.equal(other.code, 2, other.stderr);
    assert.match(other.stderr, /use another --data/);
    const fresh = await runFleet(folder, [...SMALL, "--fresh"]);
    assert.equal(fresh.code, 0, fresh.stderr + fresh.stdout);
    assert.match(fresh.stdout, /bills +│ 10, exact to the watt-hour/);
    assert.deepEqual(days(), ["2025-01-15"]);
    // What a run leaves besides its databases.
    const metrics = JSON.parse(readFileSync(join(folder, "results", "performance_metrics.json"), "utf8")) as object;
    assert.ok("readingsPerSecond" in metrics && "peakMemoryMiB" in metrics);
    const stats = JSON.parse(readFileSync(join(folder, "results", "server_stats.json"), "utf8")) as { bills: unknown };
    assert.deepEqual(stats.bills, { final: 10 });
    for (const name of ["system.log", "performance.json"]) {
      const lines = readFileSync(join(folder, "logs", name), "utf8")
        .trimEnd()
        .split("\n");
      for (const line of lines) assert.equal(typeof (JSON.parse(line) as { party?: unknown }).party, "string");
    }
    const fewer = await runFleet(folder, [...SMALL, "--meters", "4"]);
    assert.equal(fewer.code, 3, fewer.stderr + fewer.stdout);
    assert.match(fewer.stderr, /6 enrolled meters are not in this run and stay silent \(m-005 to m-010\)/);
    assert.match(fewer.stdout, /feeder loads +│ 0 final; 48 withheld +│/);
    assert.doesNotMatch(fewer.stdout, /NOT all as fed/);
    const system = readFileSync(join(folder, "logs", "system.log"), "utf8");
    assert.match(system, /"party":"meters".*"meter":"m-003".*connected to the broker/);
  });

  test("--duration ends the feeding, --keep-running waits for Ctrl-C, taken ports are replaced, one may sign in", async (t) => {
    const folder = temporaryFolder(t);
    const taken = createServer().listen(0, "127.0.0.1");
    t.after(() => taken.close());
    await new Promise((resolve) => taken.once("listening", resolve));
    const { port } = taken.address() as { port: number };
    const run = startFleet(folder, [
      ...SMALL,
      ...["--speed", "7200", "--duration", "2", "--keep-running", "--set", `broker.publicPort=${port}`],
      ...["--set", `api.port=${port}`, "--set", "api.enabled=true"],
    ]);
    await run.printed(/Ctrl-C stops it/);
    await assertSignsIn(folder, run.output());
    // The report was printed already, so nothing else would tell that a server was lost and is there again.
    const utility = processesOf(folder).find((id) => commandLine(id).includes("utility/main.ts"));
    process.kill(Number(utility), "SIGKILL");
    await run.printed(/^utility ended \(SIGKILL\) and is started again$/m);
    pressCtrlC(run);
    const { code, stdout, stderr } = await run.result;
    assert.match(stderr, new RegExp(`port ${port} \\(broker\\.publicPort\\) is taken: port [1-9]\\d* is used instead`));
    assert.match(stderr, new RegExp(`port ${port} \\(api\\.port\\) is taken: port [1-9]\\d* is used instead`));
    assert.match(stderr, /mosquitto_sub -p \d+ -t 'wv\/1\/pub\/#'/);
    assert.match(stdout, /bills +│ none due yet/);
    assert.match(stdout, /feeder loads +│ [1-9]\d*, exact to the watt-hour/);
    // Once, when the run is over, and not again when its servers stop.
    assert.equal(`${stdout}${stderr}`.match(/feeder loads +│/g)?.length, 1);
    assert.ok(code === 0 || code === null, `${code}: ${stderr}`);
    assert.deepEqual(processesOf(folder), []);
  });

  test("wrong use is explained on stderr, with exit code 2 and without a trace", async (t) => {
    const folder = temporaryFolder(t);
    const wrong: [string[], RegExp][] = [
      [["--bogus"], /unknown option '--bogus'/],
      [["--meters", "-3"], /simulation\.meters: expected a whole number from 1/],
      [["--threshold", "4"], /the threshold \(4\) cannot exceed the number of aggregators \(3\)/],
      [["--network", "foo"], /--network: expected one of perfect, lan, .*, got foo/],
      [["--without-aggregators", "9"], /--without-aggregators: expected indices from 1 to 3, got 9/],
      [["--tariff", "nowhere.yaml"], /billing\.tariff: nowhere\.yaml cannot be read \(ENOENT\)/],
      [["--tariff", "README.md"], /billing\.tariff: README\.md:\n {2}line \d+/],
      [["--duration", "x"], /--duration: expected a number of seconds/],
      [["--data", "/proc/foo"], /paths\.data: \/proc\/foo cannot be made in \/proc: .* \(ENOENT\)\n$/],
      [["--set", "paths.logs=/proc/foo"], /paths\.logs: \/proc\/foo cannot be made in \/proc: .* \(ENOENT\)\n$/],
      [["--set", "paths.results=/proc/foo"], /paths\.results: \/proc\/foo cannot be made in \/proc: .* \(ENOENT\)\n$/],
    ];
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await runFleet(folder, args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
      assert.equal(stdout, "");
    }
    assert.equal(readdirSync(folder).includes("data"), false);
  });
});
