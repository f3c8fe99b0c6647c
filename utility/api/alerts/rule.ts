/** A rule: beyond which value, for how long, an element's signal is an alert, and when it is over. */
import { z } from "zod";
import { SIGNAL_NAMES, SIGNALS } from "./signals.ts";
import { starPattern } from "./star-pattern.ts";

const SEVERITIES = ["info", "warning", "critical"] as const;
export const severitySchema = z.enum(SEVERITIES).meta({ id: "AlertSeverity" });
export type Severity = z.infer<typeof severitySchema>;

const PLACEHOLDERS = ["element", "value", "unit", "limit", "detail"] as const;
const PLACEHOLDER = /\{([^}]*)\}/g;

export const ruleName = z.string().regex(/^[a-z][a-z0-9-]{0,47}$/, "letters a-z, digits and '-', at most 48");

const text = z
  .string()
  .min(1)
  .max(300)
  .refine(
    (value) =>
      [...value.matchAll(PLACEHOLDER)].every(([, name]) => (PLACEHOLDERS as readonly string[]).includes(name!)),
    `only ${PLACEHOLDERS.map((name) => `{${name}}`).join(", ")} are filled in`,
  );

export const ruleSchema = z
  .strictObject({
    name: ruleName,
    severity: severitySchema,
    signal: z.enum(SIGNAL_NAMES),
    above: z.number().optional().describe("Fires when the value is above it"),
    below: z.number().optional().describe("Fires when the value is below it"),
    clear: z.number().optional().describe("Over when the value is back here; default: the limit"),
    for: z.number().min(0).max(31_536_000).default(0).describe("Seconds that it must last before it fires"),
    elements: z
      .array(z.string().min(1).max(96))
      .min(1)
      .max(1_000)
      .default(["*"])
      .describe("Patterns with `*`: one of them must match the element"),
    text: text.describe("With {element}, {value}, {unit}, {limit} and {detail}"),
    publish: z.boolean().default(true).describe("False keeps an alert about something public to the staff"),
  })
  .superRefine(({ above, below, clear }, context) => {
    const fault = (path: string, message: string): void => {
      context.addIssue({ code: "custom", path: [path], message });
    };
    if ((above === undefined) === (below === undefined)) fault("above", "expected above or below, and not both");
    else if (clear === undefined) return;
    else if (above !== undefined && clear > above) fault("clear", `expected at most above (${above}), got ${clear}`);
    else if (below !== undefined && clear < below) fault("clear", `expected at least below (${below}), got ${clear}`);
  })
  .meta({ id: "AlertRule" });
export type Rule = z.output<typeof ruleSchema>;

export const rulesSchema = z.strictObject({ rules: z.array(ruleSchema).max(500) }).superRefine(({ rules }, context) => {
  const seen = new Set<string>();
  for (const [i, { name }] of rules.entries()) {
    if (seen.has(name))
      context.addIssue({ code: "custom", path: ["rules", i, "name"], message: `${name} is there twice` });
    seen.add(name);
  }
});

/** A rule with what its use needs worked out once. */
export interface ReadyRule extends Rule {
  readonly matches: (element: string) => boolean;
  readonly isBeyond: (value: number) => boolean;
  readonly isClear: (value: number) => boolean;
  /** Whether anyone may be told. */
  readonly isPublic: boolean;
}

export function ready(rule: Rule): ReadyRule {
  const { above, below, elements } = rule;
  const patterns = elements.map(starPattern);
  const limit = limitOf(rule);
  const clear = rule.clear ?? limit;
  return {
    ...rule,
    matches: (element) => patterns.some((fits) => fits(element)),
    isBeyond: (value) => (above === undefined ? value < below! : value > above),
    isClear: (value) => (above === undefined ? value >= clear : value <= clear),
    isPublic: rule.publish && SIGNALS[rule.signal].public,
  };
}

function limitOf({ above, below }: Pick<Rule, "above" | "below">): number {
  return (above ?? below)!;
}

/** `value` in five digits, as people read it. */
export function textOf(
  rule: Rule,
  element: string,
  { value, detail = "" }: { value: number; detail?: string },
): string {
  const words: Record<string, string> = {
    element: element.replace(":", " "),
    value: String(Number(value.toPrecision(5))),
    unit: SIGNALS[rule.signal].unit,
    limit: String(limitOf(rule)),
    detail,
  };
  return rule.text
    .replaceAll(PLACEHOLDER, (_, name: string) => words[name]!)
    .trim()
    .slice(0, 1_000);
}
