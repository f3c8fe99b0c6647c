/** Breaks every import rule once, in a tree of its own, and expects dependency-cruiser to catch exactly that. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";

const REPOSITORY = join(import.meta.dirname, "..");
const CONFIGURATION = join(REPOSITORY, ".dependency-cruiser.cjs");
const CRUISER = join(REPOSITORY, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");

interface Rule {
  readonly name: string;
}
interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: Rule;
}
interface Cruise {
  readonly summary: { readonly violations: readonly Violation[] };
}

/** Files that any tree here may import. */
const BASE: Readonly<Record<string, string>> = {
  "package.json":
    '{"type":"module","dependencies":{"zod":"1","mqtt":"1","node-seal":"1","@tensorflow/tfjs-core":"4"},"devDependencies":{"fast-check":"1"}}',
  "tsconfig.json": '{"compilerOptions":{"module":"nodenext","allowImportingTsExtensions":true,"noEmit":true}}',
  ...Object.fromEntries(
    ["zod", "mqtt", "node-seal", "@tensorflow/tfjs-core", "fast-check"].flatMap((name) => [
      [`node_modules/${name}/package.json`, `{"name":"${name}","version":"1.0.0","main":"index.js"}`],
      [`node_modules/${name}/index.js`, ""],
    ]),
  ),
  "protocol/shamir/split.ts": imports("./entries.ts"),
  "protocol/shamir/split-vector.ts": imports("./entries.ts"),
  "protocol/shamir/add.ts": imports("./entries.ts"),
  "protocol/shamir/add-vectors.ts": imports("./entries.ts"),
  "protocol/shamir/interpolate.ts": imports("./entries.ts"),
  "protocol/shamir/decode.ts": imports("./entries.ts"),
  "protocol/shamir/prss.ts": imports("./entries.ts"),
  "protocol/range/split-bits.ts": imports("../shamir/entries.ts"),
  "protocol/range/check.ts": imports("../shamir/entries.ts"),
  "protocol/shamir/entries.ts": imports("node:crypto"),
  "protocol/ckks/parameters.ts": imports("node:crypto"),
  "protocol/ckks/seal/engine.ts": imports("node-seal", "../parameters.ts"),
  "protocol/ckks/seal/keys.ts": imports("node-seal"),
  "protocol/ckks/threshold/share.ts": imports("node:crypto"),
  "protocol/ckks/threshold/deal.ts": imports("./share.ts"),
  "protocol/ckks/threshold/partial.ts": imports("./share.ts"),
  "protocol/ckks/threshold/combine.ts": imports("./share.ts"),
  "protocol/ckks/circuits/sum.ts": imports("../seal/engine.ts"),
  "config/checks.ts": imports("../protocol/ckks/parameters.ts"),
  "config/enrolment/deal.ts": imports("../../protocol/ckks/seal/keys.ts", "../../protocol/ckks/threshold/deal.ts"),
  "hardware/agent/encrypt-window.ts": imports("../../protocol/ckks/seal/engine.ts", "../../config/checks.ts"),
  "aggregator/open.ts": imports("../protocol/ckks/threshold/partial.ts", "../protocol/ckks/circuits/sum.ts"),
  "analytics/jobs.ts": imports("../protocol/ckks/circuits/sum.ts", "../protocol/ckks/seal/engine.ts"),
  "utility/opening.ts": imports("../protocol/ckks/threshold/combine.ts", "../protocol/ckks/circuits/sum.ts"),
  "protocol/self-test.ts": imports("./shamir/split.ts", "./shamir/add.ts", "./shamir/interpolate.ts"),
  "config/index.ts": imports("../protocol/shamir/entries.ts", "mqtt"),
  "hardware/agent/split-reading.ts": imports("../../protocol/shamir/split.ts"),
  "hardware/gateway/serial.ts": imports("../../config/index.ts", "node:fs"),
  "aggregator/sums.ts": imports("../protocol/shamir/add.ts"),
  "utility/collector/totals.ts": imports("../../protocol/shamir/interpolate.ts"),
  "utility/main.ts": imports("./collector/totals.ts", "../config/index.ts"),
  "broker/main.ts": imports("mqtt", "../config/index.ts"),
  "analytics/main.ts": imports("../protocol/shamir/entries.ts"),
  "learning/backend.ts": imports("@tensorflow/tfjs-core"),
  "learning/model.ts": imports("./backend.ts"),
  "hardware/agent/train.ts": imports("../../learning/model.ts"),
  "analytics/forecast/rolling.ts": imports("../../learning/model.ts"),
  "firmware-sim/main.ts": imports("../hardware/agent/split-reading.ts", "../protocol/self-test.ts"),
  "firmware-sim/fleet.test.ts": imports("../utility/main.ts", "../broker/main.ts", "node:test"),
  "aggregator/sums.test.ts": imports("./sums.ts", "../protocol/shamir/split.ts", "./testing/rig.ts"),
  "aggregator/testing/rig.ts": imports("../sums.ts", "fast-check"),
  "protocol/split.test.ts": imports("./shamir/split.ts", "./shamir/interpolate.ts", "fast-check", "node:fs"),
  "tests/whole.test.ts": imports("../utility/main.ts", "../aggregator/sums.ts"),
  "bench/main.ts": imports("../protocol/shamir/split.ts", "../aggregator/sums.ts"),
};

/** One forbidden file each: the rules it must break, and what it imports to do so. */
const BREACHES: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ["protocol/borrows.ts", ["../config/index.ts"], ["protocol-alone"]],
  ["protocol/opens-files.ts", ["node:fs"], ["protocol-primitives-only"]],
  ["protocol/connects.ts", ["mqtt"], ["protocol-primitives-only"]],
  ["config/asks-role.ts", ["../hardware/gateway/serial.ts"], ["config-on-protocol"]],
  ["learning/asks-config.ts", ["../config/index.ts"], ["learning-is-arithmetic"]],
  ["utility/forecasts.ts", ["../learning/model.ts"], ["learning-where-readings-are"]],
  ["analytics/trains-by-itself.ts", ["@tensorflow/tfjs-core"], ["tfjs-behind-the-backend"]],
  ["analytics/asks-utility.ts", ["../utility/rates.ts"], ["roles-apart"]],
  ["analytics/asks-for-types.ts", ["type ../utility/rates.ts"], ["roles-apart"]],
  ["analytics/asks-utility.test.ts", ["../utility/rates.ts"], ["roles-apart"]],
  ["utility/dashboard/asks-config.ts", ["../../config/index.ts"], ["dashboard-in-browsers"]],
  ["utility/dashboard/reads-files.ts", ["node:fs"], ["browsers-know-no-node"]],
  ["utility/asks-page.ts", ["./dashboard/page.ts"], ["dashboard-apart"]],
  ["broker/asks-bench.ts", ["../bench/report.ts"], ["roles-apart"]],
  ["hardware/agent/simulates.ts", ["../../firmware-sim/clock.ts"], ["roles-apart"]],
  ["firmware-sim/runs-broker.ts", ["../broker/main.ts"], ["sim-starts-processes"]],
  [
    "broker/self-tests.ts",
    ["../protocol/self-test.ts"],
    ["whole-scheme-stays-out-of-roles", "trust-split-reach", "trust-add-reach", "trust-interpolate-reach"],
  ],
  ["utility/refers.ts", ["../protocol/vectors/reference.ts"], ["whole-scheme-stays-out-of-roles"]],
  ["utility/splits.ts", ["../protocol/shamir/split.ts"], ["trust-split", "trust-split-reach"]],
  ["hardware/gateway/splits.ts", ["../../protocol/shamir/split.ts"], ["trust-split"]],
  ["protocol/shamir/index.ts", ["./split.ts"], ["trust-split"]],
  [
    "analytics/splits-vector.ts",
    ["../protocol/shamir/split-vector.ts"],
    ["trust-split-vector", "trust-split-vector-reach"],
  ],
  ["utility/adds.ts", ["../protocol/shamir/add.ts"], ["trust-add", "trust-add-reach"]],
  ["utility/adds-vectors.ts", ["../protocol/shamir/add-vectors.ts"], ["trust-add-vectors", "trust-add-vectors-reach"]],
  ["firmware-sim/adds.ts", ["../protocol/shamir/add.ts"], ["trust-add"]],
  [
    "aggregator/interpolates.ts",
    ["../protocol/shamir/interpolate.ts"],
    ["trust-interpolate", "trust-interpolate-reach"],
  ],
  ["billing/reads-config.ts", ["../config/index.ts"], ["billing-is-arithmetic"]],
  ["witness/asks-utility.ts", ["../utility/opening.ts"], ["roles-apart"]],
  ["utility/bills/interpolates.ts", ["../../protocol/shamir/interpolate.ts"], ["trust-interpolate"]],
  ["aggregator/decodes.ts", ["../protocol/shamir/decode.ts"], ["trust-decode", "trust-decode-reach"]],
  ["utility/bills/decodes.ts", ["../../protocol/shamir/decode.ts"], ["trust-decode"]],
  ["aggregator/splits-bits.ts", ["../protocol/range/split-bits.ts"], ["trust-split-bits", "trust-split-bits-reach"]],
  ["utility/checks-bits.ts", ["../protocol/range/check.ts"], ["trust-range-check", "trust-range-check-reach"]],
  ["utility/masks.ts", ["../protocol/shamir/prss.ts"], ["trust-prss", "trust-prss-reach"]],
  ["analytics/frees-by-hand.ts", ["node-seal"], ["seal-behind-the-engine"]],
  ["config/keys/loads-seal.ts", ["../../protocol/ckks/seal/engine.ts"], ["configuration-without-seal"]],
  ["hardware/agent/computes.ts", ["../../protocol/ckks/circuits/sum.ts"], ["circuits-compute-elsewhere"]],
  ["analytics/makes-keys.ts", ["../protocol/ckks/seal/keys.ts"], ["trust-make-keys", "trust-make-keys-reach"]],
  ["aggregator/deals.ts", ["../protocol/ckks/threshold/deal.ts"], ["trust-deal", "trust-deal-reach"]],
  ["protocol/ckks/threshold/index.ts", ["./deal.ts"], ["trust-deal"]],
  ["analytics/asks-dealer.ts", ["../config/enrolment/deal.ts"], ["trust-make-keys-reach", "trust-deal-reach"]],
  ["utility/opens-part.ts", ["../protocol/ckks/threshold/partial.ts"], ["trust-partial", "trust-partial-reach"]],
  ["analytics/opens-part.ts", ["../protocol/ckks/threshold/partial.ts"], ["trust-partial", "trust-partial-reach"]],
  ["analytics/combines.ts", ["../protocol/ckks/threshold/combine.ts"], ["trust-combine", "trust-combine-reach"]],
  ["aggregator/combines.ts", ["../protocol/ckks/threshold/combine.ts"], ["trust-combine", "trust-combine-reach"]],
  ["aggregator/ships-rig.ts", ["./testing/rig.ts"], ["tests-stay-out"]],
  ["newcomer/main.ts", ["../protocol/shamir/entries.ts"], ["known-folders"]],
  ["broker/circle.ts", ["./target.ts"], ["no-cycles"]],
  ["broker/left-over.ts", [], ["no-orphans"]],
  ["broker/misspells.ts", ["./mian.ts"], ["resolvable"]],
  ["broker/ships-tests.ts", ["fast-check"], ["no-dev-dependencies"]],
];

/** What the breaches import and must be there. */
const TARGETS: Readonly<Record<string, string>> = {
  "utility/dashboard/page.ts": imports("../../protocol/shamir/entries.ts"),
  "bench/report.ts": imports("node:fs"),
  "firmware-sim/clock.ts": imports("node:fs"),
  "utility/rates.ts": imports("node:fs"),
  "protocol/vectors/reference.ts": imports("node:crypto"),
  "broker/target.ts": imports("./circle.ts"),
};

function imports(...names: readonly string[]): string {
  return names
    .map((name) => (name.startsWith("type ") ? `import type {} from "${name.slice(5)}";\n` : `import "${name}";\n`))
    .join("");
}

async function cruise(context: TestContext, files: Readonly<Record<string, string>>): Promise<readonly Violation[]> {
  const root = await mkdtemp(join(tmpdir(), "wattveil-boundaries-"));
  context.after(() => rm(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  const args = [CRUISER, "--config", CONFIGURATION, "--output-type", "json", "."];
  // The exit code counts violations; what matters here is the report.
  const report = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 1 << 26 }, (_error, stdout, stderr) => {
      if (stdout === "") reject(new Error(`dependency-cruiser said nothing: ${stderr}`));
      else resolve(stdout);
    });
  });
  return (JSON.parse(report) as Cruise).summary.violations;
}

function pairs(violations: readonly Violation[]): string[] {
  return [...new Set(violations.map(({ from, rule }) => `${rule.name}: ${from}`))].sort();
}

test("a tree that keeps to the borders has no violation", async (context) => {
  assert.deepEqual(pairs(await cruise(context, BASE)), []);
});

test("each forbidden import is caught, under its own rule, and nothing else is", async (context) => {
  const breaches = Object.fromEntries(BREACHES.map(([file, names]) => [file, imports(...names)]));
  const violations = await cruise(context, { ...BASE, ...TARGETS, ...breaches });
  const expected = BREACHES.flatMap(([file, , rules]) => rules.map((rule) => `${rule}: ${file}`)).sort();
  assert.deepEqual(pairs(violations), expected);
});

test("a detour through another file does not hide a step of the sharing", async (context) => {
  const violations = await cruise(context, {
    ...BASE,
    "protocol/handy.ts": imports("./shamir/split.ts"),
    "utility/detour.ts": imports("../protocol/handy.ts"),
  });
  assert.deepEqual(pairs(violations), ["trust-split-reach: utility/detour.ts", "trust-split: protocol/handy.ts"]);
});

test("every rule of the configuration is broken by some breach above", () => {
  const configuration = createRequire(import.meta.url)(CONFIGURATION) as { readonly forbidden: readonly Rule[] };
  const broken = new Set(BREACHES.flatMap(([, , rules]) => rules));
  assert.deepEqual([...broken].sort(), configuration.forbidden.map((rule) => rule.name).sort());
});
