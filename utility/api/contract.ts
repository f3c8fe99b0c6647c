/** What all routes have in common: schemas by zod, problems as answers, and lists by pages that are also CSV. */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
  RouteOptions,
} from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { stringify } from "csv-stringify/sync";
import { z } from "zod";
import { PROBLEM_TYPE, Problem, problemSchema } from "./problem.ts";

/** The server with its types: routes infer theirs from their schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

const PROBLEM_ANSWER = { content: { [PROBLEM_TYPE]: { schema: problemSchema } } };

/** Adds to a route's answers the problems that can come from the frame around it, so that the document names them. */
export function documentProblems(route: RouteOptions): void {
  const { schema = {}, config } = route;
  if (schema.hide === true) return;
  const takesInput = schema.params !== undefined || schema.querystring !== undefined || schema.body !== undefined;
  const statuses: Record<string, string> = {
    ...(takesInput ? { 400: "The request is not as documented." } : {}),
    ...(config?.access === "public" ? {} : { 401: "Not signed in.", 403: "Not for this role." }),
    ...(schema.params === undefined ? {} : { 404: "There is no such thing." }),
    ...(schema.body === undefined ? {} : { 413: "The body is too large.", 415: "The body is not JSON." }),
    429: "Too many requests; `Retry-After` says when to try again.",
    500: "A fault of the server.",
    503: "Something that this needs is not there now.",
  };
  const problems = Object.fromEntries(
    Object.entries(statuses).map(([status, description]) => [status, { description, ...PROBLEM_ANSWER }]),
  );
  const own = schema.response as Record<string, unknown> | undefined;
  route.schema = {
    ...schema,
    response: { ...problems, ...own },
    ...(config?.access === "public" || config?.access === undefined
      ? { security: [] }
      : { description: [schema.description, `For: ${config.access.join(", ")}.`].filter(Boolean).join("\n\n") }),
  };
}

/** A problem of the route's own, for its list of answers. */
export function problem(description: string): { description: string } & typeof PROBLEM_ANSWER {
  return { description, ...PROBLEM_ANSWER };
}

export const unixSeconds = z.int().min(0).max(253_402_300_799).describe("Unix seconds, UTC");
const PLAIN_NUMBER = /^-?\d+(?:\.\d+)?$/;

/** A number in an address or a header, written in one way only: no blank, no sign in front, no exponent, no other base. */
export function numberText<T extends z.ZodType<number, number>>(schema: T) {
  const read = (value: unknown): unknown =>
    typeof value === "string" ? (PLAIN_NUMBER.test(value) ? Number(value) : Number.NaN) : value;
  return z.preprocess(read, schema);
}

const rangeTime = numberText(z.number().int().min(0).max(253_402_300_799));

/** Of a list that grows with time. */
export const timeRange = {
  from: rangeTime.optional().describe("Unix seconds: what begins at this time or later"),
  to: rangeTime.optional().describe("Unix seconds: what begins before this time"),
};

const PAGE_DEFAULT = 100;
const PAGE_MAX = 1_000;

export const paging = {
  limit: numberText(z.number().int().min(1).max(PAGE_MAX)).default(PAGE_DEFAULT).describe("Most rows of a page"),
  after: z.string().max(400).optional().describe("`next` of the page before"),
};
export const format = {
  format: z.enum(["json", "csv"]).default("json").describe("`csv`: the same rows as RFC 4180, with a header"),
};

/** Both forms of a list's page. */
export function pageAnswers<T extends z.ZodType>(item: T, description: string) {
  const page = z.object({
    items: z.array(item),
    next: z.string().nullable().describe("`after` of the next page; null at the end"),
  });
  return {
    description,
    content: { "application/json": { schema: page }, "text/csv": { schema: z.string() } },
  };
}

export interface Page<T> {
  readonly items: T[];
  readonly next: string | null;
}

/** Rows are asked for one beyond the limit: it tells whether there is more. `keyOf` is what follows the last row. */
export function pageOf<R, T>(
  rows: readonly R[],
  limit: number,
  keyOf: (row: R) => readonly (string | number)[],
  itemOf: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null;
  return { items: shown.map(itemOf), next };
}

function encodeCursor(key: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/** The key after which a page begins, as `pageOf` wrote it; undefined for the first page. Throws a Problem 400. */
export function cursorOf<const K extends readonly z.ZodType[]>(
  after: string | undefined,
  ...types: K
): { -readonly [I in keyof K]: z.infer<K[I]> } | undefined {
  if (after === undefined) return undefined;
  const fault = new Problem(400, "invalid-cursor", "after: expected the `next` of a page of this list");
  try {
    const parsed = z.tuple(types as never).safeParse(JSON.parse(Buffer.from(after, "base64url").toString("utf8")));
    if (parsed.success) return parsed.data;
  } catch {
    // not JSON: the same fault
  }
  throw fault;
}

/** A page in the form that was asked for. The address of the next one is in `Link` too, since CSV has no place for it. */
export function sendPage<T extends object>(
  reply: FastifyReply,
  { format: form }: { readonly format: "json" | "csv" },
  page: Page<T>,
): Page<T> | string {
  if (form === "json") return page;
  if (page.next !== null) {
    // An address that is a question alone takes the place of the whole question.
    const { searchParams } = new URL(reply.request.url, "http://here");
    searchParams.set("after", page.next);
    void reply.header("link", `<?${searchParams.toString()}>; rel="next"`);
  }
  void reply.type("text/csv; charset=utf-8");
  return csvOf(page.items);
}

/** One column for each field, lists and objects as JSON. */
function csvOf(items: readonly object[]): string {
  const rows = items.map((item) =>
    Object.fromEntries(
      Object.entries(item).map(([key, value]: [string, unknown]) => [
        key,
        typeof value === "object" && value !== null ? JSON.stringify(value) : value,
      ]),
    ),
  );
  // A cell that begins like a formula would be run by a spreadsheet.
  return stringify(rows, { header: true, escape_formulas: true });
}
