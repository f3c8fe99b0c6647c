/** MATPOWER's format: what is read, what is refused, and where. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BUNDLED,
  bundledGrid,
  generateMeshed,
  generateRadial,
  MatpowerError,
  readMatpower,
  writeMatpower,
} from "../index.ts";
import { evaluate } from "./expression.ts";

const CASE = `function mpc = two  % a comment
mpc.version = '2';
mpc.baseMVA = 10;
mpc.bus = [ % 13 columns
  1, 3, 0, 0, 0, 0, 1, 1, 0, 20, 1, 1.1, 0.9
  7 1 100 ...
    50 0 0 1 1 0 20 1 1.1 0.9; ];
mpc.gen = [1 0 0 Inf -Inf 1.02 10 1 9 0 0 0];
mpc.branch = [
  1 7 .5 1e0 0 0 0 0 0 0 1 -360 360;
];
mpc.bus_name = { 'a; 100 % of it'; 'b' };
mpc.gencost = [2 0 0 3 0.1 20 0];
[PQ, PV, REF, NONE, BUS_I, BUS_TYPE, PD, QD, ...
    GS] = idx_bus;
Vbase = mpc.bus(1, BASE_KV) * 1e3;      %% in Volts
Sbase = mpc.baseMVA * 1e6;
mpc.branch(:, [BR_R BR_X]) = mpc.branch(:, [BR_R BR_X]) / (Vbase^2 / Sbase);
mpc.bus(:, [PD, QD]) = mpc.bus(:, [PD, QD]) / 1e3;
`;

test("reads commas, continued lines, comments, names in quotes and conversions", () => {
  const grid = readMatpower(CASE, "two.m");
  assert.deepEqual([grid.name, grid.baseMva, grid.buses.length], ["two", 10, 2]);
  const [{ rPu, xPu, rateMva, ratio, kind }] = grid.branches as [(typeof grid.branches)[0]];
  assert.deepEqual([rPu, xPu, rateMva, ratio, kind], [0.5 / 40, 1 / 40, Number.POSITIVE_INFINITY, 1, "line"]);
  assert.deepEqual([grid.buses[1]!.loadMw, grid.buses[1]!.loadMvar], [0.1, 0.05]);
  assert.equal(grid.generators[0]!.qMaxMvar, Number.POSITIVE_INFINITY);
});

test("what MATLAB would not run is not read: comments of several lines, and percent signs in double quotes", () => {
  const plain = readMatpower(CASE, "two.m");
  for (const [find, put] of [
    ["mpc.gen =", "%{\nmpc.baseMVA = 20;\n  %{\nmpc.bus = 1;\n%}\nmpc.x\n%}\nmpc.gen ="],
    ["{ 'a; 100 % of it'; 'b' }", `{ "a; 100 % of it's"; 'b' }`],
    [/$/, "return\nend\n"],
  ] as const) {
    const text = CASE.replace(find, put);
    assert.notEqual(text, CASE, String(find));
    assert.deepEqual(readMatpower(text, "two.m"), plain);
  }
});

test("faults name file, line and field", () => {
  const cases: [find: string | RegExp, put: string, message: string | RegExp][] = [
    ["mpc.version = '2'", "mpc.version = '1'", "two.m, line 2: version: expected '2', got '1'"],
    ["mpc.baseMVA = 10", "mpc.baseMVA = -1", /line 20: mpc\.baseMVA: expected more than 0, got -1$/],
    ["1, 3, 0, 0,", "1, 3, x, 0,", "two.m, line 5: mpc.bus: PD: expected a number, got x"],
    ["1, 3, 0, 0,", "1, 3, 0,", "two.m, line 5: mpc.bus: expected 13 columns or more, got 12"],
    ["1, 3, 0, 0,", "1, 5, 0, 0,", "two.m, line 5: mpc.bus: BUS_TYPE: expected 1, 2, 3 or 4, got 5"],
    ["1, 3, 0, 0,", "1, 1, 0, 0,", "two.m: two: no bus is the reference (slack, type 3)"],
    ["20, 1, 1.1, 0.9", "20, 1, 0.8, 0.9", "two.m, line 5: mpc.bus: VMIN: expected at most VMAX (0.8), got 0.9"],
    ["1 7 .5 1e0", "1 8 .5 1e0", "two.m, line 10: mpc.branch: T_BUS: expected another bus of mpc.bus, got 8"],
    ["1 7 .5 1e0", "1 1 .5 1e0", "two.m, line 10: mpc.branch: T_BUS: expected another bus of mpc.bus, got 1"],
    ["1 7 .5 1e0", "1 7 0 0", "two.m, line 10: mpc.branch: BR_X: expected an impedance (BR_R is 0 as well), got 0"],
    ["Inf -Inf", "-2 4", "two.m, line 8: mpc.gen: QMIN: expected at most QMAX (-2), got 4"],
    ["[1 0 0 Inf", "[3 0 0 Inf", "two.m, line 8: mpc.gen: GEN_BUS: expected a bus of mpc.bus, got 3"],
    [
      "mpc.gen =",
      "mpc.generators =",
      'two.m, line 8: expected a table or arithmetic of a MATPOWER case, got "mpc.generators"',
    ],
    ["  7 1 100", "  1 1 100", "two.m, line 6: mpc.bus: BUS_I: 1 is there twice"],
    ["Vbase^2", "Volts^2", /line 18: mpc\.branch\(.*: unknown name Volts$/],
    ["/ 1e3;\n", "/ 0;\n", /line 19: mpc\.bus\(.*: expected a number other than 0, got 0$/],
    [
      "/ 1e3;\n",
      "/ 1e3;\nmpc.bus(:, [99]) = mpc.bus(:, [99]) / 2;\n",
      /line 20: .*unknown column 99: mpc\.bus has 1 to 13$/,
    ],
    ["/ 1e3;\n", "/ 1e3;\nmpc.bus(:, 0) = mpc.bus(:, 0) / 2;\n", /line 20: .*unknown column 0: mpc\.bus has 1 to 13$/],
    ["mpc.baseMVA = 10", "mpc.baseMVA = 1e-300", /mpc\.baseMVA: expected 0\.000001 to 1000000000, got 1e-300$/],
    ["mpc.baseMVA = 10", "mpc.baseMVA = 1e300", /mpc\.baseMVA: expected 0\.000001 to 1000000000, got 1e\+300$/],
    [
      "  7 1 100",
      "  7 1 1e300",
      /line 6: mpc\.bus: PD: expected a number from -1000000000 to 1000000000, got 1e\+297$/,
    ],
    ["1 7 .5 1e0", "1 7 1e308 1e0", /line 10: mpc\.branch: BR_R: expected a number from .*/],
    ["1 7 .5 1e0", "1 7 0 1e-300", /line 10: mpc\.branch: BR_X: expected an impedance of 1e-9 p\.u\. or more, got/],
    ["'b' };", "'b'", "two.m, line 12: mpc.bus_name: the bracket is never closed"],
    [/mpc\.branch = \[[\s\S]*?\];\n/, "", /mpc\.branch comes later$/],
    [
      "50 0 0 1 1 0 20 1 1.1 0.9",
      "50 0 0 1 1 0 0 20 1 1.1 0.9",
      "two.m, line 6: mpc.bus: expected 13 columns as above, got 14",
    ],
    [
      "0 0 0 1 -360",
      "0 0 0 0.5 -360",
      "two.m, line 10: mpc.branch: BR_STATUS: expected 1 (closed) or 0 (open), got 0.5",
    ],
    ["1.02 10 1 9", "1.02 10 0 9", "two.m, line 5: mpc.gen: expected a generator in service at bus 1, the reference"],
    [/\[PD, QD\]/g, "[PD, 3]", /line 19: .*: a column is there twice$/],
    ["/ 1e3;\n", "/ 1e3;\n%{\nmpc.baseMVA = 20;\n", "two.m, line 20: the comment that begins with %{ is never closed"],
    ["Vbase = ", "return\nVbase = ", "two.m, line 17: expected nothing behind return"],
    ["/ 1e3;\n", "/ 1e3;\nend\nfunction x = y\n", "two.m, line 21: expected one function"],
  ];
  for (const [find, put, message] of cases) {
    const text = CASE.replace(find, put);
    assert.notEqual(text, CASE, String(find));
    assert.throws(
      () => readMatpower(text, "two.m"),
      (error) => {
        assert.ok(error instanceof MatpowerError, String(error));
        if (typeof message === "string") assert.equal(error.message, message);
        else assert.match(error.message, message);
        return true;
      },
    );
  }
});

test("long statements and many parallel branches are refused at once, in a message that is short", () => {
  const rows = "1 7 .5 1 0 0 0 0 0 0 1;\n".repeat(20_001);
  const cases: [string, RegExp][] = [
    [
      `${CASE}x = 1 ${"...\n + 1 ".repeat(200_000)}\n`,
      /line 20: expected at most 1000 characters in a statement, got \d+$/,
    ],
    [`${CASE}x = ${"(".repeat(400_000)}\n`, /line 20: expected at most 1000 characters/],
    [
      CASE.replace("  7 1 100", `  7 1 ${"x".repeat(100_000)}`),
      /line 6: mpc\.bus: PD: expected a number, got x+\.\.\.$/,
    ],
    [
      CASE.replace("  1 7 .5 1e0 0 0 0 0 0 0 1 -360 360;\n", rows),
      /mpc\.branch: expected at most 1020 branches between 2 buses$/,
    ],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => readMatpower(text, "two.m"),
      (error: Error) => message.test(error.message) && error.message.length < 400,
    );
  }
});

test("garbage is refused as such, and never by another kind of error", () => {
  const piece = fc.constantFrom(
    "mpc.bus",
    "=",
    "[",
    "]",
    "{",
    ";",
    "'",
    "%",
    "1",
    "3",
    "x",
    "...",
    "\n",
    "mpc.baseMVA",
    "/",
    "(",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      assert.throws(() => readMatpower(pieces.join(" "), "g.m"), MatpowerError);
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("what is written reads back the same", () => {
  const grids = [
    ...BUNDLED.map(bundledGrid),
    generateRadial({ nodes: 40, seed: 3 }),
    generateMeshed({ nodes: 30, seed: 3 }),
  ];
  for (const grid of grids) {
    const again = readMatpower(writeMatpower(grid, "A test."), "again.m");
    assert.deepEqual(again, grid);
  }
});

test("arithmetic binds as it does in MATLAB", () => {
  const lookup = (name: string): number | undefined => (name === "v" ? 12 : undefined);
  for (const [text, value] of [
    ["2 + 3 * 4", 14],
    ["-2^2", -4],
    ["8 / 2 / 2", 2],
    ["(v - 2) * .5e1", 50],
    ["2^3^2", 64],
    ["2^-1^2 * -4", -1],
    ["--2^2", 4],
  ] as const) {
    assert.equal(evaluate(text, lookup), value, text);
  }
  for (const text of ["", "1 +", "(1", "1 2", "sin(1)", "$"])
    assert.throws(() => evaluate(text, lookup), RangeError, text);
});
