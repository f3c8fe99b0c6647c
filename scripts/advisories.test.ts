/** Advisories as npm reports them, and the list of those that are allowed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { type Allowance, allowances, judge } from "./advisories.ts";

const TODAY = "2026-11-22";
const url = (name: string): string => `https://example.org/advisories/${name}`;

function printed(severities: Readonly<Record<string, string>>): string {
  const causes = Object.entries(severities).map(([name, severity]) => ({
    ...{ source: 1, name, dependency: name, title: `fault in ${name}`, url: url(name), severity, range: "<2" },
  }));
  const vulnerabilities = Object.fromEntries(
    causes.map((cause) => [cause.name, { name: cause.name, severity: cause.severity, via: [cause], isDirect: false }]),
  );
  // What depends on one of them names it only.
  return JSON.stringify({ vulnerabilities: { ...vulnerabilities, above: { via: Object.keys(severities) } } });
}

function allowance(name: string, until = "2027-01-01"): Allowance {
  return { url: url(name), reason: "only reached by trusted input", until };
}

test("high and critical advisories fail, lesser ones are told", () => {
  const verdict = judge(printed({ a: "critical", b: "high", c: "moderate" }), [], TODAY);
  assert.deepEqual(verdict, {
    kind: "judged",
    failing: [`critical: a: fault in a (${url("a")})`, `high: b: fault in b (${url("b")})`],
    notes: [`moderate: c: fault in c (${url("c")})`],
  });
  assert.deepEqual(judge(printed({}), [], TODAY), { kind: "judged", failing: [], notes: [] });
});

test("an allowance counts until its day, and is told when it concerns nothing", () => {
  const allowed = judge(printed({ a: "high" }), [allowance("a"), allowance("gone")], TODAY);
  assert.ok(allowed.kind === "judged");
  assert.deepEqual(allowed.failing, []);
  assert.match(allowed.notes.join("\n"), /allowed until 2027-01-01: only reached.*\n.*gone is allowed and no longer/);
  const over = judge(printed({ a: "high" }), [allowance("a", TODAY)], TODAY);
  assert.match(over.kind === "judged" ? over.failing.join() : "", /its allowance ended on 2026-11-22/);
});

test("a registry without audits is told apart from one that found nothing", () => {
  const answer = {
    message: "405 Method Not Allowed - POST https://registry.example.org/bulk",
    statusCode: 405,
    body: "",
  };
  assert.deepEqual(judge(JSON.stringify(answer), [], TODAY), { kind: "unavailable", reason: answer.message });
  assert.throws(() => judge("", [], TODAY), SyntaxError);
  assert.throws(() => judge("{}", [], TODAY), /vulnerabilities/);
});

test("the list of what is allowed can be read", () => {
  allowances.parse(parse(readFileSync(join(import.meta.dirname, "advisories.yaml"), "utf8")));
});
