import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ready, ruleSchema } from "./rule.ts";
import { starPattern } from "./star-pattern.ts";

test("a star is anything, all else is itself", () => {
  const fits = (pattern: string, text: string): boolean => starPattern(pattern)(text);
  assert.ok(fits("*", "") && fits("*", "branch:1") && fits("branch:1*", "branch:1") && fits("branch:1*", "branch:12"));
  assert.ok(!fits("branch:1*", "branch:2") && !fits("branch:1", "branch:12") && !fits("b.anch:1", "branch:1"));
  assert.ok(fits("sensor:*:12", "sensor:current:12") && !fits("sensor:*:12", "sensor:12"));
  assert.ok(!fits("ab*ba", "aba"), "what is before the star and what is behind do not overlap");
  assert.ok(fits("*a*a", "aa") && !fits("*a*a", "a"));
});

test("conforms to the regular expression, where that ends", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
  fc.assert(
    fc.property(letters, text, (pattern, given) => {
      assert.equal(starPattern(pattern)(given), new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(given));
    }),
  );
});

test("a rule whose pattern is all stars is no trap: nothing is tried twice", () => {
  const rule = { name: "x", severity: "info", signal: "notices", above: 0, text: "x", elements: ["*a".repeat(48)] };
  const { matches } = ready(ruleSchema.parse(rule));
  assert.equal(matches(`notice:${"a".repeat(300)}b`), false);
  assert.equal(matches(`notice:${"a".repeat(300)}`), true);
});
