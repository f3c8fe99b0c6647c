/** Asks the HTTP interface. What goes wrong becomes an `ApiError` whose message is for people. */
import createClient from "openapi-fetch";
import type { components, operations, paths } from "./schema.d.ts";

export type Schemas = components["schemas"];
export type Role = Schemas["Role"];

/** What an operation answers in JSON when all is well. */
export type Answer<Operation extends keyof operations> = operations[Operation]["responses"] extends {
  200: { content: { "application/json": infer Body } };
}
  ? Body
  : never;
/** A row of an operation that answers with pages. */
export type Item<Operation extends keyof operations> =
  Answer<Operation> extends { items: readonly (infer Row)[] } ? Row : never;

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** Called when the session has ended, wherever that shows first. */
let onSignedOut = (): void => {};
export function whenSignedOut(call: () => void): void {
  onSignedOut = call;
}

export const client = createClient<paths>({
  baseUrl: "/",
  credentials: "same-origin",
  // Wherever a route takes one value of a list, so does its address.
  querySerializer: { array: { style: "form", explode: false } },
});

interface Asked<T> {
  readonly data?: T;
  readonly error?: unknown;
  readonly response: Response;
}

/** The answer, or an ApiError thrown. */
export async function answered<T>(asked: Promise<Asked<T>>): Promise<T> {
  let got: Asked<T>;
  try {
    got = await asked;
  } catch (error) {
    if (error instanceof DOMException) throw error; // given up by the page itself
    throw new ApiError(0, "unreachable", "The server cannot be reached.");
  }
  const { data, error, response } = got;
  if (response.ok) return data as T;
  throw problemOf(response.status, error);
}

/** Asks a route whose types come from elsewhere than the document. */
export async function ask<T>(method: "GET" | "POST", path: string, body?: object): Promise<T> {
  const send = async (): Promise<Asked<T>> => {
    const response = await fetch(path, {
      method,
      credentials: "same-origin",
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const answer: unknown = await response.json().catch(() => undefined);
    return response.ok ? { data: answer as T, response } : { error: answer, response };
  };
  return answered(send());
}

function problemOf(status: number, body: unknown): ApiError {
  const { code, detail } = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  if (status === 401 && code !== "wrong-credentials") onSignedOut();
  return new ApiError(
    status,
    typeof code === "string" ? code : "failed",
    typeof detail === "string" ? sentence(detail) : `The server answered with ${status}.`,
  );
}

function sentence(text: string): string {
  const end = /[.!?]$/.test(text) ? "" : ".";
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${end}`;
}
