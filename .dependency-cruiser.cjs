/**
 * Who may import whom. The folders are parties that must not know each other's secrets, so the borders between them are
 * errors, not advice; scripts/boundaries.test.ts breaks every rule once and expects to be caught.
 */

/** Roles: processes that meet only over MQTT. */
const ROLES = ["broker", "aggregator", "utility", "hardware", "analytics", "witness"];
const FREE = ["bench", "scripts", "tests"];
const FOLDERS = ["protocol", "config", "billing", "learning", ...ROLES, "firmware-sim", ...FREE];

/** Test code: `*.test.ts`, anything in a folder `testing/`, and the top-level `tests/`. */
const TESTS = "(\\.test\\.ts$|(^|/)testing/|^tests/)";
/** Tests that put whole systems together. */
const SYSTEM_TESTS = ["^tests/", "^firmware-sim/testing/", "^firmware-sim/.*\\.test\\.ts$"];
/** Code that performs every step of the sharing: the check of an installation, the reference behind the vectors. */
const WHOLE_SCHEME = ["^protocol/self-test(\\.ts$|/)", "^protocol/vectors/.*\\.ts$"];

const local = (...allowed) => ({ dependencyTypes: ["local"], pathNot: allowed });
const folders = (names) => `^(${names.join("|")})/`;

/**
 * Trust is a matter of imports: whoever can load a step of the secret sharing, or of opening ciphertexts, can perform it.
 * `file` performs it, `holder` is where it belongs, `strangers` are the parties that must not reach it by any detour.
 */
const TRUST = [
  {
    name: "split",
    file: "protocol/shamir/split",
    holder: "^hardware/agent/",
    strangers: ["config", "broker", "aggregator", "utility", "analytics"],
  },
  {
    name: "split-vector",
    file: "protocol/shamir/split-vector",
    holder: "^hardware/agent/",
    strangers: ["config", "broker", "aggregator", "utility", "analytics"],
  },
  {
    name: "add",
    file: "protocol/shamir/add",
    holder: "^aggregator/",
    strangers: ["config", "broker", "utility", "hardware", "analytics"],
  },
  {
    name: "add-vectors",
    file: "protocol/shamir/add-vectors",
    holder: "^aggregator/",
    strangers: ["config", "broker", "utility", "hardware", "analytics"],
  },
  {
    // Whoever makes the masks can take them off.
    name: "prss",
    file: "protocol/shamir/prss",
    holder: "^aggregator/",
    strangers: ["config", "broker", "utility", "hardware", "analytics"],
  },
  {
    name: "interpolate",
    file: "protocol/shamir/interpolate",
    holder: "^utility/collector/",
    strangers: ["config", "broker", "aggregator", "hardware", "analytics"],
  },
  {
    name: "decode",
    file: "protocol/shamir/decode",
    holder: "^utility/collector/",
    strangers: ["config", "broker", "aggregator", "hardware", "analytics"],
  },
  {
    name: "split-bits",
    file: "protocol/range/split-bits",
    holder: "^hardware/agent/",
    strangers: ["config", "broker", "aggregator", "utility", "analytics"],
  },
  {
    name: "range-check",
    file: "protocol/range/check",
    holder: "^aggregator/",
    strangers: ["config", "broker", "utility", "hardware", "analytics"],
  },
  {
    name: "make-keys",
    file: "protocol/ckks/seal/keys",
    holder: "^config/enrolment/",
    strangers: ["broker", "aggregator", "utility", "hardware", "analytics"],
  },
  {
    name: "deal",
    file: "protocol/ckks/threshold/deal",
    holder: "^config/enrolment/",
    strangers: ["broker", "aggregator", "utility", "hardware", "analytics"],
  },
  {
    name: "partial",
    file: "protocol/ckks/threshold/partial",
    holder: "^aggregator/",
    strangers: ["config", "broker", "utility", "hardware", "analytics"],
  },
  {
    name: "combine",
    file: "protocol/ckks/threshold/combine",
    holder: "^utility/",
    strangers: ["config", "broker", "aggregator", "hardware", "analytics"],
  },
];

const trustRules = TRUST.flatMap(({ name, file, holder, strangers }) => [
  {
    name: `trust-${name}`,
    comment: `${file}.ts belongs to ${holder} alone (and to the self-test, benchmarks and tests)`,
    severity: "error",
    // Re-exporting from an index would hand the step to everyone, so even the protocol may not import it.
    from: { pathNot: [holder, ...WHOLE_SCHEME, "^bench/", TESTS] },
    to: { path: `^${file}\\.ts$` },
  },
  {
    name: `trust-${name}-reach`,
    comment: `nor may another party reach ${file}.ts through other files`,
    severity: "error",
    from: { path: folders(strangers), pathNot: TESTS },
    to: { path: `^${file}\\.ts$`, reachable: true },
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
      name: "seal-behind-the-engine",
      comment: "SEAL's objects are freed by hand, and its parsers trust their input: one place deals with both",
      severity: "error",
      from: { pathNot: ["^protocol/ckks/seal/", "^bench/", TESTS] },
      to: { path: "(^|/)node_modules/node-seal/" },
    },
    {
      name: "configuration-without-seal",
      comment: "reading a configuration or a folder of keys loads no WebAssembly; only the dealer does",
      severity: "error",
      from: { path: "^config/", pathNot: ["^config/enrolment/", TESTS] },
      to: { path: "^protocol/ckks/seal/", reachable: true },
    },
    {
      name: "circuits-compute-elsewhere",
      comment: "ciphertexts are computed on by analytics and aggregators; the utility names what was opened",
      severity: "error",
      from: { pathNot: ["^(analytics|aggregator|utility|firmware-sim)/", "^protocol/ckks/", folders(FREE), TESTS] },
      to: { path: "^protocol/ckks/circuits/" },
    },
    {
      name: "config-on-protocol",
      comment: "config imports protocol only",
      severity: "error",
      from: { path: "^config/" },
      to: local("^(config|protocol)/"),
    },
    {
      name: "billing-is-arithmetic",
      comment: "customers work out what the utility does, with nothing else of the system",
      severity: "error",
      from: { path: "^billing/" },
      to: local("^(billing|protocol)/"),
    },
    {
      name: "learning-is-arithmetic",
      comment: "a household trains as analytics evaluates, with nothing else of the system",
      severity: "error",
      from: { path: "^learning/" },
      to: local("^learning/"),
    },
    {
      name: "learning-where-readings-are",
      comment: "households train and analytics evaluates; who adds up, decides and delivers loads no models",
      severity: "error",
      from: { pathNot: ["^(hardware|analytics|firmware-sim)/", "^learning/", folders(FREE), TESTS] },
      to: { path: "^learning/" },
    },
    {
      name: "tfjs-behind-the-backend",
      comment: "which backend computes is chosen in one place, and loaded by nobody who does not learn",
      severity: "error",
      from: { pathNot: ["^learning/", "^bench/", TESTS] },
      to: { path: "(^|/)node_modules/@tensorflow/" },
    },
    {
      name: "roles-apart",
      comment:
        "a role imports protocol, config and the arithmetic of bills and of learning; another role is reached over the " +
        "network, and simulation is unknown to it",
      severity: "error",
      from: { path: `^(${ROLES.join("|")})/` },
      to: local("^$1/", "^(protocol|config|billing|learning)/"),
    },
    {
      name: "dashboard-in-browsers",
      comment: "what runs in a browser takes of this project what computes; types of messages cost nothing",
      severity: "error",
      from: { path: "^utility/dashboard/", pathNot: TESTS },
      to: local("^utility/dashboard/", "^(protocol|billing)/"),
    },
    {
      name: "dashboard-apart",
      comment: "a server imports nothing that is made for a browser",
      severity: "error",
      from: { pathNot: "^utility/dashboard/" },
      to: { path: "^utility/dashboard/" },
    },
    {
      name: "browsers-know-no-node",
      comment: "in a browser there is neither a file nor a process; node:crypto is exchanged when it is built",
      severity: "error",
      from: { path: "^utility/dashboard/", pathNot: [TESTS, "^utility/dashboard/receipts/buffer\\.ts$"] },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?buffer$" },
    },
    {
      name: "sim-starts-processes",
      comment: "firmware-sim imports hardware, protocol and config; it starts the other roles as processes",
      severity: "error",
      from: { path: "^firmware-sim/", pathNot: SYSTEM_TESTS },
      to: local("^(firmware-sim|hardware|protocol|config|learning)/"),
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
      from: { orphan: true, pathNot: ["^[^/]+$", "\\.d\\.m?ts$"] },
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
