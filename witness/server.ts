/** The witness over HTTP: one request, bounded in size and time. TLS is for whatever stands in front of it. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type HttpListener, listenOn } from "../config/runtime/http-listener.ts";
import type { Logger } from "../config/runtime/logger.ts";
import type { Witness, WitnessAnswer } from "./witness.ts";

export interface ListenOptions {
  readonly witness: Witness;
  readonly host: string;
  readonly port: number;
  readonly log: Pick<Logger, "info" | "warn" | "error">;
}

/** 63 hashes and a checkpoint with many signatures. */
const MAX_BODY_BYTES = 65_536;
const REQUEST_MILLISECONDS = 10_000;
const MAX_CONNECTIONS = 256;

/** Resolves when it listens. Rejects where the address cannot be had. */
export async function listen({ witness, host, port, log }: ListenOptions): Promise<HttpListener> {
  const server = createServer(
    { requestTimeout: REQUEST_MILLISECONDS, headersTimeout: REQUEST_MILLISECONDS },
    (request, response) => {
      handle(witness, request, response, log).catch((error: unknown) => {
        // The record could not be written: nobody gets a cosignature.
        log.error({ error: error instanceof Error ? error.message : String(error) }, "a request failed");
        answer(response, 500, "the witness cannot keep its record\n");
      });
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return listenOn(server, port, host);
}

async function handle(
  witness: Witness,
  request: IncomingMessage,
  response: ServerResponse,
  log: ListenOptions["log"],
): Promise<void> {
  const fault = request.url?.split("?")[0] !== "/add-checkpoint" ? 404 : request.method !== "POST" ? 405 : undefined;
  const body = fault === undefined ? await bodyOf(request) : undefined;
  if (body === undefined) {
    answer(response, fault ?? 413, `expected POST /add-checkpoint with at most ${MAX_BODY_BYTES} bytes\n`);
    return;
  }
  const { status, text, isSize } = witness.addCheckpoint(body);
  note(log, status, text);
  answer(response, status, text, isSize === true ? "text/x.tlog.size" : undefined);
}

function note(log: ListenOptions["log"], status: WitnessAnswer["status"], text: string): void {
  if (status === 200) log.info({}, "a checkpoint was cosigned");
  else if (status === 422) log.error({ status }, `a log does not go on from what was cosigned: ${text.trim()}`);
  else log.warn({ status }, text.trim());
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function answer(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  if (response.headersSent) return;
  response.writeHead(status, { "content-type": type }).end(text);
}
