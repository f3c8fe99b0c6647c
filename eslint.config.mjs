/**
 * What the linter asks: typescript-eslint's strictest type-aware rules, plus the few rules of this project's style that
 * a machine can check. Layout is left to biome, borders between folders to dependency-cruiser.
 */
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const TESTS = ["**/*.test.ts", "tests/**/*.ts", "**/testing/**/*.ts"];

const NOWHERE = [
  { selector: "ExportDefaultDeclaration", message: "Name what you export; there are no default exports here." },
  {
    // `key.export({ format: "jwk" })` and `subtle.exportKey("jwk", key)`
    selector: "CallExpression[callee.property.name=/^export/] Literal[value='jwk']",
    message: "A key that node has made may stand still for ever in there: protocol/keys/raw.ts says why.",
  },
];

export default defineConfig(
  globalIgnores([
    "node_modules/",
    "data/",
    "results/",
    "logs/",
    "coverage/",
    "**/dist/",
    // A package of its own, with its own dependencies; only its map of pages is read from here.
    "docs/site/",
    "utility/dashboard/api/schema.d.ts",
  ]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.{ts,tsx}"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Numbers and booleans read well in messages; objects and null in a template stay errors.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      // `() => socket.close()` is the idiom for callbacks here.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Under noUncheckedIndexedAccess the field and share loops index typed arrays within known bounds; a branch per
      // access would cost time and could never be taken. Parsed input is typed by schemas and needs no assertion.
      "@typescript-eslint/no-non-null-assertion": "off",
      // A port's method is async because some implementation waits; the one at hand need not.
      "@typescript-eslint/require-await": "off",
      // An absent behaviour given as a parameter (`onProgress: () => {}`) is a decision, not an oversight.
      "@typescript-eslint/no-empty-function": "off",
      // Both are used: an interface for what is implemented, a type for plain data that must fit a Record.
      "@typescript-eslint/consistent-type-definitions": "off",
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" }, // `while (true)` with a return inside
      ],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrorsIgnorePattern: "^_", ignoreRestSiblings: true },
      ],
      // The runner waits for what node:test registers; nobody else has to.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", package: "node:test", name: ["test", "it", "describe", "suite", "default"] },
          ],
        },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: false },
      ],
      // TypeScript itself refuses enums here (erasableSyntaxOnly): looking for them took a tenth of the linter's time.
      "@typescript-eslint/no-unsafe-enum-assignment": "off",
      "@typescript-eslint/no-unsafe-enum-comparison": "off",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "separate-type-imports" }],
      "@typescript-eslint/consistent-type-exports": "error",
      eqeqeq: "error",
      "no-restricted-syntax": ["error", ...NOWHERE],
      "no-restricted-properties": [
        "error",
        {
          object: "Math",
          property: "random",
          message: "Randomness is a parameter: seeded in simulation, else crypto.",
        },
      ],
      "max-lines": ["error", 300], // past this a file usually holds two ideas
    },
  },
  {
    files: ["{analytics,aggregator,utility,broker}/**/*.ts"],
    ignores: TESTS,
    rules: {
      "no-restricted-syntax": [
        "error",
        ...NOWHERE,
        {
          // The engine is one class for all, so an import rule cannot tell its steps apart.
          selector: "CallExpression > MemberExpression.callee[property.name='encrypt']",
          message: "Only the meter's agent encrypts: a ciphertext that a server made could stand for a reading.",
        },
      ],
    },
  },
  {
    files: ["protocol/**/*.ts"],
    ignores: [...TESTS, "protocol/vectors/**"], // the vectors' generator is a command
    rules: {
      // What crosses a border depends on its arguments alone.
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random", message: "Randomness is a parameter." },
        { object: "Date", property: "now", message: "The clock is a parameter." },
        { object: "performance", property: "now", message: "The clock is a parameter." },
      ],
      "no-restricted-globals": [
        "error",
        { name: "process", message: "The protocol knows neither environment nor arguments." },
      ],
    },
  },
  {
    // A part that React draws is made of its values, and answers events with what returns nothing.
    files: ["utility/dashboard/**/*.tsx"],
    rules: {
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
    },
  },
  {
    files: TESTS,
    rules: {
      // A table of cases is long without being complicated.
      "max-lines": "off",
    },
  },
);
