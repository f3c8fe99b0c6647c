/** Says in words what a field takes: for the messages of faults and for the reference page. */
import { z } from "zod";
import type { Field } from "./schema.ts";

/** The part of a JSON schema that our fields use. */
interface JsonSchema {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
}

export interface FieldDescription {
  readonly description: string;
  readonly unit: string;
  /** What is allowed, as a phrase: `a whole number from 2 to 7`. */
  readonly allowed: string;
  readonly default: unknown;
}

export function describeField(field: Field): FieldDescription {
  const { description = "", unit } = field.schema.meta() ?? {};
  return {
    description,
    unit: typeof unit === "string" ? unit : "",
    allowed: allowedBy(field),
    default: field.schema.parse(undefined),
  };
}

/** What the field takes, as a phrase. */
export function allowedBy(field: Field): string {
  const words = field.schema.meta()?.["allowed"];
  if (typeof words === "string") return words;
  return phrase(z.toJSONSchema(field.schema, { io: "input" }) as JsonSchema);
}

function phrase(schema: JsonSchema): string {
  if (schema.anyOf) return schema.anyOf.map(phrase).join(" or ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return `one of ${schema.enum.map(String).join(", ")}`;
  switch (schema.type) {
    case "integer":
      return `a whole number from ${schema.minimum} to ${schema.maximum}`;
    case "number":
      if (schema.exclusiveMinimum !== undefined) return `a number above 0, up to ${schema.maximum}`;
      return `a number from ${schema.minimum} to ${schema.maximum}`;
    case "boolean":
      return "true or false";
    case "object":
      return "a map of meter to file";
    default:
      return schema.format === "date" ? "a date, YYYY-MM-DD" : "text";
  }
}
