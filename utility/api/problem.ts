/** What is said when something is not done: problem details (RFC 9457), the same for every route. */
import type { Socket } from "node:net";
import type { ServerResponse } from "node:http";
import type { ConnectionError, FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from "fastify-type-provider-zod";
import { z } from "zod";
import { StorageError } from "../../config/runtime/database.ts";

export const PROBLEM_TYPE = "application/problem+json";

/** RFC 9457, section 3.1. `code` is stable and for programs; `title` and `detail` are for people. */
export const problemSchema = z
  .object({
    type: z.literal("about:blank"),
    title: z.string(),
    status: z.int().min(400).max(599),
    code: z.string(),
    detail: z.string(),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .optional()
      .describe("What is wrong with which part of the request."),
  })
  .meta({ id: "Problem" });
type ProblemBody = z.infer<typeof problemSchema>;

/** Titles are those of the status codes (RFC 9110). */
const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  504: "Gateway Timeout",
} as const;
export type ProblemStatus = keyof typeof TITLES;

/** Thrown by a route: the answer is this problem. */
export class Problem extends Error {
  readonly status: ProblemStatus;
  readonly code: string;
  readonly errors: ProblemBody["errors"];
  /** Seconds, for the header `Retry-After`. */
  readonly retryAfter: number | undefined;

  constructor(
    status: ProblemStatus,
    code: string,
    detail: string,
    more: { readonly errors?: ProblemBody["errors"]; readonly retryAfter?: number } = {},
  ) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.code = code;
    this.errors = more.errors;
    this.retryAfter = more.retryAfter;
  }
}

/** Throws a Problem 404 for what is not there. */
export function found<T>(what: string, value: T | undefined): T {
  if (value === undefined) throw new Problem(404, "not-found", `there is no ${what}`);
  return value;
}

/** Turns whatever a route or the framework threw into a problem. Faults of ours are logged and not told. */
export function answerProblem(error: FastifyError | Problem, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error);
  // That something is busy or away is told to whoever asks, and no fault: a flood would fill the log.
  const isFault = problem.status === 500 || (problem.status > 500 && !(error instanceof Problem));
  if (isFault) request.log.error({ err: error, route: request.routeOptions.url }, error.message);
  sendProblem(reply, problem);
}

/** What no route and no hook sees: requests that are none, and those that never come to an end. */
export function answerClientError({ code }: ConnectionError, socket: Socket): void {
  const { _httpMessage: answering } = socket as Socket & { readonly _httpMessage?: ServerResponse };
  // Nothing goes into the middle of an answer, such as a stream of events.
  if (code !== "ECONNRESET" && socket.writable && answering?.headersSent !== true) {
    const problem =
      code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? new Problem(408, "request-timeout", "the request did not come to its end in time")
        : code === "HPE_HEADER_OVERFLOW"
          ? new Problem(431, "headers-too-large", "the header fields are larger than 16 KiB")
          : new Problem(400, "no-http", "this is no request of HTTP/1.1");
    const body = JSON.stringify(bodyOf(problem));
    const head = [
      `HTTP/1.1 ${problem.status} ${TITLES[problem.status]}`,
      `Content-Type: ${PROBLEM_TYPE}`,
      ...["Cache-Control: no-store", "Connection: close", `Content-Length: ${Buffer.byteLength(body)}`],
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  }
  socket.destroy();
}

function bodyOf({ status, code, message, errors }: Problem): ProblemBody {
  const told = { type: "about:blank", title: TITLES[status], status, code, detail: message } as const;
  return errors === undefined ? told : { ...told, errors };
}

export function sendProblem(reply: FastifyReply, problem: Problem): void {
  const { status, retryAfter } = problem;
  if (retryAfter !== undefined) void reply.header("retry-after", Math.ceil(retryAfter));
  // Serialised here: a problem must come out even where a route has no schema for it.
  void reply
    .code(status)
    .type(PROBLEM_TYPE)
    // What is missing or busy now need not be a moment later.
    .header("cache-control", "no-store")
    .serializer((value) => JSON.stringify(value))
    .send(bodyOf(problem));
}

function problemOf(error: FastifyError | Problem): Problem {
  if (error instanceof Problem) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const context = error.validationContext ?? "request";
    const errors = error.validation.map(({ instancePath, message = "is not valid" }) => ({
      field: `${context}${instancePath === "/" ? "" : instancePath.replaceAll("/", ".")}`,
      message,
    }));
    const first = errors[0];
    const detail = first === undefined ? "the request is not valid" : `${first.field}: ${first.message}`;
    return new Problem(400, "invalid-request", detail, { errors });
  }
  if (error instanceof StorageError) {
    return error.code === "locked"
      ? new Problem(503, "busy", "the database is busy: try again")
      : new Problem(500, "storage", "the database cannot be read: the server's log says why");
  }
  const status = error.statusCode;
  const code = error.code as string | undefined;
  // Files are looked for by a library of its own, whose refusals have no code: which of them it was is nobody's business.
  if (code === undefined && (status === 400 || status === 403 || status === 404)) {
    return new Problem(404, "no-such-route", "there is no such file");
  }
  if (!isResponseSerializationError(error) && status !== undefined && status < 500 && status in TITLES) {
    return new Problem(status as ProblemStatus, codeOf(code), error.message);
  }
  return new Problem(500, "internal", "something went wrong here: the server's log says what");
}

/** `FST_ERR_CTP_INVALID_MEDIA_TYPE` as `ctp-invalid-media-type`. */
function codeOf(code = "refused"): string {
  return code
    .replace(/^FST_ERR_/, "")
    .toLowerCase()
    .replaceAll("_", "-");
}
