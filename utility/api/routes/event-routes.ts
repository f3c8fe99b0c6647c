/** Server-sent events (WHATWG HTML, 9.2): what happens, as it happens. */
import { z } from "zod";
import { mayAccess, SIGNED_IN, STAFF } from "../access/roles.ts";
import type { ApiContext } from "../context.ts";
import { type Api, problem } from "../contract.ts";
import { EVENT_TYPES, type EventType, type LiveEvent } from "../live/live-hub.ts";
import { Problem } from "../problem.ts";

/** Of no concern to customers. */
const STAFF_ONLY: readonly EventType[] = ["alert", "rounds", "grid"];
const HEARTBEAT_MILLISECONDS = 15_000;
/** Bytes that wait for a client before it is taken to be gone; it comes back and says what it saw last. */
const MAX_WAITING = 1_048_576;

const types = z
  .string()
  .max(200)
  .transform((text) => text.split(","))
  .pipe(z.array(z.enum(EVENT_TYPES)))
  .optional()
  .describe(`Only these, with commas: ${EVENT_TYPES.join(", ")}`);

export function addEventRoutes(app: Api, { live, config }: ApiContext): void {
  let open = 0;
  app.get(
    "/events",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "streamEvents",
        tags: ["live"],
        summary: "A stream of server-sent events; `Last-Event-ID` goes on where a connection broke off",
        querystring: z.object({ types }),
        headers: z.object({ "last-event-id": z.coerce.number().int().min(0).optional() }),
        response: {
          200: { description: "Never ends.", content: { "text/event-stream": { schema: z.string() } } },
          503: problem("Too many streams are open."),
        },
      },
    },
    async (request, reply) => {
      if (open >= config.api.maxStreams) throw new Problem(503, "too-many-streams", "too many streams are open");
      const staff = mayAccess(STAFF, request.account?.role);
      const wanted = new Set<EventType>(
        (request.query.types ?? EVENT_TYPES).filter((type) => staff || !STAFF_ONLY.includes(type)),
      );
      open += 1;
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, {
        ...reply.getHeaders(),
        "content-type": "text/event-stream",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      } as Record<string, string>);
      raw.write("retry: 2000\n\n");
      const send = ({ id, type, data }: LiveEvent): void => {
        if (!wanted.has(type)) return;
        raw.write(`id: ${id}\nevent: ${type}\ndata: ${data}\n\n`);
        if (raw.writableLength > MAX_WAITING) raw.destroy();
      };
      const stop = live.listen(send, request.headers["last-event-id"]);
      const heartbeat = setInterval(() => raw.write(": \n\n"), HEARTBEAT_MILLISECONDS);
      raw.once("close", () => {
        open -= 1;
        clearInterval(heartbeat);
        stop();
      });
    },
  );
}
