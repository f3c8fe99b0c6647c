/**
 * Who may import whom. The folders are parties that must not know each other's secrets, so the borders between them are
 * errors, not advice; scripts/boundaries.test.ts breaks every rule once and expects to be caught.
 */

/** Roles: processes that meet only over MQTT. */
const ROLES = ["broker", "aggregator", "utility", "hardware", "analytics"];
const FREE = ["bench", "scripts", "tests"];
const FOLDERS = ["protocol", "config", ...ROLES, "firmware-sim", ...FREE];

/** Test code: `*.test.ts`, anything in a folder `testing/`, and the top-level `tests/`. */
const TESTS = "(\\.test\\.ts$|(^|/)testing/|^tests/)";
/** Tests that put whole systems together. */
const SYSTEM_TESTS = ["^tests/", "^firmware-sim/testing/", "^firmware-sim/.*\\.test\\.ts$"];
/** Code that performs every step of the sharing: the check of an installation, the reference behind the vectors. */
const WHOLE_SCHEME = ["^protocol/self-test(\\.ts$|/)", "^protocol/vectors/.*\\.ts$"];

const local = (...allowed) => ({ dependencyTypes: ["local"], pathNot: allowed });
const folders = (names) => `^(${names.join("|")})/`;

/**
 * Trust is a matter of imports: whoever can load a step of the secret sharing can perform it. `step` is the file that
 * performs it, `holder` where it belongs, `strangers` the parties that must not reach it by any detour either.
 */
const TRUST = [
  { name: "split", holder: "^hardware/agent/", strangers: ["config", "broker", "aggregator", "utility", "analytics"] },
  { name: "add", holder: "^aggregator/", strangers: ["config", "broker", "utility", "hardware", "analytics"] },
  {
    name: "interpolate",
    holder: "^utility/collector/",
    strangers: ["config", "broker", "aggregator", "hardware", "analytics"],
  },
];

const trustRules = TRUST.flatMap(({ name, holder, strangers }) => [
  {
    name: `trust-${name}`,
    comment: `protocol/shamir/${name}.ts belongs to ${holder} alone (and to the self-test, benchmarks and tests)`,
    severity: "error",
    // Re-exporting from an index would hand the step to everyone, so even the protocol may not import it.
    from: { pathNot: [holder, ...WHOLE_SCHEME, "^bench/", TESTS] },
    to: { path: `^protocol/shamir/${name}\\.ts$` },
  },
  {
    name: `trust-${name}-reach`,
    comment: `nor may another party reach protocol/shamir/${name}.ts through other files`,
    severity: "error",
    from: { path: folders(strangers), pathNot: TESTS },
    to: { path: `^protocol/shamir/${name}\\.ts$`, reachable: true },
  },
]);

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "protocol-alone",
      comment: "protocol imports no other folder",
      severity: "error",
      from: { path: "^protocol/" },
      to: local("^protocol/"),
    },
    {
      name: "protocol-primitives-only",
      comment: "protocol computes; it opens no file, socket or process. Its packages are ciphers, CBOR and schemas.",
      severity: "error",
      from: { path: "^protocol/", pathNot: TESTS },
      to: {
        dependencyTypesNot: ["local"],
        pathNot: ["^(node:)?(crypto|buffer)$", "(^|/)node_modules/(@hpke/[^/]+|cbor-x|zod|node-seal)/"],
      },
    },
    {
      name: "config-on-protocol",
      comment: "config imports protocol only",
      severity: "error",
      from: { path: "^config/" },
      to: local("^(config|protocol)/"),
    },
    {
      name: "roles-apart",
      comment: "a role imports protocol and config; another role is reached over MQTT, and simulation is unknown to it",
      severity: "error",
      from: { path: `^(${ROLES.join("|")})/` },
      to: local("^$1/", "^(protocol|config)/"),
    },
    {
      name: "sim-starts-processes",
      comment: "firmware-sim imports hardware, protocol and config; it starts the other roles as processes",
      severity: "error",
      from: { path: "^firmware-sim/", pathNot: SYSTEM_TESTS },
      to: local("^(firmware-sim|hardware|protocol|config)/"),
    },
    {
      name: "whole-scheme-stays-out-of-roles",
      comment: "what performs every step of the sharing is for checks and tests, not for a party",
      severity: "error",
      from: { pathNot: ["^firmware-sim/", folders(FREE), TESTS, ...WHOLE_SCHEME] },
      to: { path: WHOLE_SCHEME },
    },
    ...trustRules,
    {
      name: "tests-stay-out",
      comment: "code that ships does not import test code",
      severity: "error",
      from: { pathNot: TESTS },
      to: { path: TESTS },
    },
    {
      name: "known-folders",
      comment: "a new top-level folder needs its rule here before it may import anything of ours",
      severity: "error",
      from: { path: "^[^/]+/", pathNot: folders(FOLDERS) },
      to: { dependencyTypes: ["local"] },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "no-orphans",
      comment: "a file that imports nothing and is imported by nobody is left over",
      severity: "error",
      from: { orphan: true, pathNot: ["^[^/]+$", "\\.d\\.ts$"] },
      to: {},
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "no-dev-dependencies",
      comment: "what ships runs with `npm ci --omit=dev`",
      severity: "error",
      from: { path: folders(FOLDERS), pathNot: [TESTS, folders(FREE)] },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"], pathNot: "node_modules/@types/" },
    },
  ],
  options: {
    // Type-only imports count too: a party's types tell what it holds.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    exclude: { path: "^(data|results|logs|coverage|docs)/" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "require", "node", "types"] },
  },
};
