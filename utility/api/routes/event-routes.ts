/** Server-sent events (WHATWG HTML, 9.2): what happens, as it happens. */
import type { FastifyReply } from "fastify";
import { z } from "zod";
import { accountOf, type GateOptions } from "../access/gate.ts";
import { mayAccess, SIGNED_IN, STAFF } from "../access/roles.ts";
import type { ApiContext } from "../context.ts";
import { type Api, problem, numberText } from "../contract.ts";
import { EVENT_TYPES, type EventType, type LiveEvent, type LiveHub } from "../live/live-hub.ts";
import { type OpenStream, Streams } from "../live/streams.ts";

/** Of no concern to customers. */
const STAFF_ONLY: readonly EventType[] = ["alert", "rounds", "grid"];
/** Bytes that wait for a client before it is taken to be gone; it comes back and says what it saw last. */
const MAX_WAITING = 1_048_576;
/** What a client that reads no more may take to see that its stream has ended. */
const END_MILLISECONDS = 5_000;

const types = z
  .string()
  .max(200)
  .transform((text) => text.split(","))
  .pipe(z.array(z.enum(EVENT_TYPES)))
  .optional()
  .describe(`Only these, with commas: ${EVENT_TYPES.join(", ")}`);

export function addEventRoutes(app: Api, { live, store, config }: ApiContext, gate: GateOptions): void {
  const streams = new Streams(config.api);
  const heartbeat = config.api.heartbeatSeconds * 1_000;
  const unwatch = store.watch((account) => streams.checkAll(account));
  app.addHook("onClose", async () => unwatch());
  app.get(
    "/events",
    {
      exposeHeadRoute: false, // a head alone would hold a stream that nobody reads
      config: { access: SIGNED_IN },
      schema: {
        operationId: "streamEvents",
        tags: ["live"],
        summary: "A stream of server-sent events; `Last-Event-ID` goes on where a connection broke off",
        description: "Ends when the session or token does, and when the account's role changes.",
        querystring: z.object({ types }),
        headers: z.object({ "last-event-id": numberText(z.number().int().min(0)).optional() }),
        response: {
          200: { description: "Never ends by itself.", content: { "text/event-stream": { schema: z.string() } } },
          429: problem("The account has too many streams open."),
          503: problem("Too many streams are open."),
        },
      },
    },
    async (request, reply) => {
      const { name, role } = request.account!;
      const credential = request.credential!;
      const isStaff = mayAccess(STAFF, role);
      const wanted = new Set<EventType>(
        (request.query.types ?? EVENT_TYPES).filter((type) => isStaff || !STAFF_ONLY.includes(type)),
      );
      const ended = new AbortController();
      const stream: OpenStream = {
        ...{ account: name, isStaff },
        may: () => accountOf(credential, gate, false)?.role === role,
        end: () => ended.abort(),
      };
      streams.open(stream);
      sendEvents(reply, live, {
        ...{ wanted, heartbeat, lastId: request.headers["last-event-id"], ended: ended.signal },
        check: () => streams.check(stream),
        closed: () => streams.close(stream),
      });
    },
  );
}

interface Sending {
  readonly wanted: ReadonlySet<EventType>;
  /** Milliseconds. */
  readonly heartbeat: number;
  readonly lastId: number | undefined;
  readonly ended: AbortSignal;
  readonly check: () => boolean;
  readonly closed: () => void;
}

function sendEvents(
  reply: FastifyReply,
  live: LiveHub,
  { wanted, heartbeat, lastId, ended, check, closed }: Sending,
): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...reply.getHeaders(),
    "content-type": "text/event-stream",
    "x-accel-buffering": "no",
  } as Record<string, string>);
  const write = (text: string): void => {
    raw.write(text);
    if (raw.writableLength > MAX_WAITING) raw.destroy();
  };
  write("retry: 2000\n\n");
  const stopListening = live.listen(({ id, type, data }: LiveEvent) => {
    if (wanted.has(type)) write(`id: ${id}\nevent: ${type}\ndata: ${data}\n\n`);
  }, lastId);
  const timer = setInterval(() => {
    if (check()) write(": \n\n");
  }, heartbeat);
  const stop = (): void => {
    clearInterval(timer);
    stopListening();
  };
  ended.addEventListener("abort", () => {
    stop();
    raw.end();
    setTimeout(() => raw.destroy(), END_MILLISECONDS).unref();
  });
  const gone = (): void => {
    stop();
    closed();
  };
  raw.once("close", gone);
  if (raw.destroyed) gone();
  // What it was opened with may have ended between the door and here.
  check();
}
