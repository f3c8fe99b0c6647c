/** Requests made up from an OpenAPI document: what it allows, what it does not, and what nobody thought of. */
import fc from "fast-check";

/** As much of JSON Schema (2020-12) as the document uses. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: JsonSchema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: JsonSchema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: JsonSchema }>> }>
  >;
}

export interface FuzzRequest {
  readonly path: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body: unknown;
}

const LONGEST = 40;
const JUNK = fc.oneof(
  fc.string({ maxLength: LONGEST }),
  fc.string({ unit: "binary", maxLength: LONGEST }),
  fc.constantFrom(
    "-1",
    "1e999",
    "NaN",
    "null",
    "[]",
    "9".repeat(30),
    "%",
    "../..",
    "'; DROP TABLE alerts; --",
    "\u0000",
  ),
  fc.constantFrom(
    "0.5",
    "true",
    "ü".repeat(500),
    "__proto__",
    "constructor",
    "bm90aGluZw",
    "W10",
    "WzFd",
    "WzEsIngiXQ",
  ),
);

/** Values that a schema allows. `named` are those that it refers to. Throws RangeError for what it does not know. */
function valuesOf(schema: JsonSchema, named: Readonly<Record<string, JsonSchema>>): fc.Arbitrary<unknown> {
  const inner = (one: JsonSchema): fc.Arbitrary<unknown> => valuesOf(one, named);
  const { $ref, const: constant, enum: values, anyOf = schema.oneOf, type } = schema;
  if ($ref !== undefined) return inner(named[$ref.split("/").at(-1) ?? ""] ?? {});
  if (constant !== undefined) return fc.constant(constant);
  if (values !== undefined) return fc.constantFrom(...values);
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(inner));
  if (Array.isArray(type)) return fc.oneof(...(type as string[]).map((one) => inner({ ...schema, type: one })));
  switch (type) {
    case undefined:
      return fc.jsonValue();
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc.maxSafeInteger().map((number) => within(number, schema));
    case "number":
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => within(number, schema));
    case "string":
      return strings(schema);
    case "array":
      return fc.array(inner(schema.items ?? {}), { maxLength: 3 });
    case "object": {
      const { properties = {}, required = [] } = schema;
      const members = Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, inner(one)]));
      return fc.record(members, { requiredKeys: [...required] as never[] });
    }
    default:
      throw new RangeError(`type: expected one of JSON Schema, got ${String(type)}`);
  }
}

function within(number: number, { minimum = -1e15, maximum = 1e15 }: JsonSchema): number {
  if (number >= minimum && number <= maximum) return number;
  const span = maximum - minimum;
  return minimum + Math.min(span, Math.floor(Math.abs(number) % (span + 1)));
}

function strings({ pattern, format, minLength = 0, maxLength = LONGEST }: JsonSchema): fc.Arbitrary<string> {
  if (format === "uuid") return fc.uuid();
  if (format === "date") return fc.constantFrom("2026-01-01", "2024-02-29", "0001-01-01");
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { maxLength: Math.min(maxLength, LONGEST) });
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, LONGEST)) });
}

/** Most of it as documented, the rest anything. */
export function requestsOf(
  operation: Operation,
  named: Readonly<Record<string, JsonSchema>>,
): fc.Arbitrary<FuzzRequest> {
  const mixed = (schema: JsonSchema): fc.Arbitrary<unknown> =>
    fc.oneof({ arbitrary: valuesOf(schema, named), weight: 3 }, { arbitrary: JUNK, weight: 1 });
  const partsIn = (place: string): Record<string, fc.Arbitrary<unknown>> =>
    Object.fromEntries(
      (operation.parameters ?? []).filter((one) => one.in === place).map(({ name, schema }) => [name, mixed(schema)]),
    );
  const body = operation.requestBody?.content["application/json"]?.schema;
  return fc.record({
    path: fc.record(partsIn("path")),
    query: fc.record(partsIn("query"), { requiredKeys: [] }),
    body:
      body === undefined
        ? fc.constant(undefined)
        : fc.oneof({ arbitrary: valuesOf(body, named), weight: 3 }, { arbitrary: fc.jsonValue(), weight: 1 }),
  });
}
