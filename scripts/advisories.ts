/**
 * Known advisories in what is shipped: the answer of `npm audit`, held against the list of those that were looked at and
 * found not to concern us (`scripts/advisories.yaml`), each with a reason and a day on which it is looked at again.
 */
import { z } from "zod";

const SEVERITIES = ["info", "low", "moderate", "high", "critical"] as const;
/** From this severity on an advisory fails the check. */
const FAILING = SEVERITIES.indexOf("high");

const advisory = z.looseObject({
  name: z.string(),
  title: z.string(),
  url: z.string(),
  severity: z.enum(SEVERITIES),
});
/** What `npm audit --json` prints; of each package's causes, advisories are objects and other packages strings. */
const report = z.looseObject({
  vulnerabilities: z.record(z.string(), z.looseObject({ via: z.array(z.union([z.string(), advisory])) })),
});
/** A registry that offers no audits answers with an error instead. */
const refusal = z.looseObject({ statusCode: z.int(), message: z.string() });

export const allowances = z.array(
  z.strictObject({
    /** Address of the advisory. */
    url: z.url(),
    reason: z.string().min(10),
    /** Local date from which on it no longer counts. */
    until: z.iso.date(),
  }),
);
export type Allowance = z.output<typeof allowances>[number];

export type Verdict =
  | { readonly kind: "unavailable"; readonly reason: string }
  | { readonly kind: "judged"; readonly failing: readonly string[]; readonly notes: readonly string[] };

/**
 * Judges what npm printed. Advisories below `high` are notes; so are allowances that concern nothing any more. Throws
 * ZodError or SyntaxError for what npm never prints.
 */
export function judge(printed: string, allowed: readonly Allowance[], today: string): Verdict {
  const answer: unknown = JSON.parse(printed);
  const refused = refusal.safeParse(answer);
  if (refused.success) return { kind: "unavailable", reason: refused.data.message };
  const { vulnerabilities } = report.parse(answer);
  const found = new Map(
    Object.values(vulnerabilities)
      .flatMap(({ via }) => via.filter((cause) => typeof cause !== "string"))
      .map((cause) => [cause.url, cause]),
  );
  const failing: string[] = [];
  const notes: string[] = [];
  for (const { name, title, url, severity } of found.values()) {
    const line = `${severity}: ${name}: ${title} (${url})`;
    const allowance = allowed.find((one) => one.url === url);
    if (SEVERITIES.indexOf(severity) < FAILING) notes.push(line);
    else if (allowance === undefined) failing.push(line);
    else if (allowance.until <= today) failing.push(`${line}; its allowance ended on ${allowance.until}`);
    else notes.push(`${line}; allowed until ${allowance.until}: ${allowance.reason}`);
  }
  for (const { url } of allowed)
    if (!found.has(url)) notes.push(`${url} is allowed and no longer reported: take it off`);
  return { kind: "judged", failing, notes };
}
