/** Puts the HTTP interface together: gate, problems, limits, document, routes. Listens nowhere by itself. */
import fastifyHelmet from "@fastify/helmet";
import fastifyRateLimit from "@fastify/rate-limit";
import fastifySwagger from "@fastify/swagger";
import fastifySwaggerUi from "@fastify/swagger-ui";
import fastify, { LogController } from "fastify";
import {
  jsonSchemaTransform,
  jsonSchemaTransformObject,
  serializerCompiler,
  validatorCompiler,
} from "fastify-type-provider-zod";
import type { Logger } from "../../config/runtime/logger.ts";
import { addGate, addRefusals, networkOf } from "./access/gate.ts";
import type { ApiContext } from "./context.ts";
import { type Api, documentProblems } from "./contract.ts";
import { addDashboard } from "./dashboard/dashboard.ts";
import { addMetrics } from "./metrics.ts";
import { limitConnections } from "./access/connections.ts";
import { answerClientError, answerProblem, Problem, sendProblem } from "./problem.ts";
import { addAccountRoutes } from "./routes/account-routes.ts";
import { addAlertRoutes } from "./routes/alert-routes.ts";
import { addBillRoutes } from "./routes/bill-routes.ts";
import { addEventRoutes } from "./routes/event-routes.ts";
import { addFeederRoutes } from "./routes/feeder-routes.ts";
import { addGridRoutes } from "./routes/grid-routes.ts";
import { addHealthRoutes } from "./routes/health-routes.ts";
import { addLogRoutes } from "./routes/log-routes.ts";
import { addOpenedRoutes } from "./routes/opened-routes.ts";
import { addRoundRoutes } from "./routes/round-routes.ts";
import { addSessionRoutes } from "./routes/session-routes.ts";
import { addShowcaseRoutes } from "./routes/showcase-routes.ts";
import { addTokenRoutes } from "./routes/token-routes.ts";
import { addTradeoffRoutes } from "./routes/tradeoff-routes.ts";

const BODY_BYTES = 1_048_576;
const MINUTE = 60_000;
/** From look to look for requests that do not come to their end. */
const CHECK_MILLISECONDS = 5_000;
const DOCS = "/docs";

export async function createApi(context: ApiContext, log: Logger): Promise<Api> {
  const { config, store, now } = context;
  const settings = config.api;
  const app = fastify({
    loggerInstance: log.child(
      {},
      { serializers: { req: ({ method, url }: { method: string; url: string }) => ({ method, url }) } },
    ),
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: settings.trustProxy === false ? false : [...settings.trustProxy],
    bodyLimit: BODY_BYTES,
    return503OnClosing: true,
    requestTimeout: settings.requestSeconds * 1_000,
    http: {
      requestTimeout: settings.requestSeconds * 1_000,
      headersTimeout: settings.requestSeconds * 1_000,
      connectionsCheckingInterval: Math.min(settings.requestSeconds * 250, CHECK_MILLISECONDS),
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: answerProblem,
    // A dashboard that is open keeps a stream that never ends by itself.
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
  }) as unknown as Api;
  limitConnections(app.server, settings);
  // JSON alone: a page of another site can send text without asking first.
  app.removeContentTypeParser("text/plain");
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler(answerProblem);
  app.addHook("onRoute", documentProblems);
  await app.register(fastifyHelmet, {
    contentSecurityPolicy: { directives: { "upgrade-insecure-requests": null, "img-src": ["'self'", "data:"] } },
    strictTransportSecurity: settings.secureCookies,
  });
  const gate = {
    store,
    now,
    idleSeconds: settings.sessionIdleSeconds,
    maxSeconds: settings.sessionMaxSeconds,
    auditDays: settings.auditDays,
    secure: settings.secureCookies,
    publicPaths: [DOCS],
  };
  await addGate(app, gate);
  await app.register(fastifyRateLimit, {
    max: settings.requestsPerMinute,
    timeWindow: MINUTE,
    keyGenerator: (request) =>
      request.account === undefined ? `network ${networkOf(request)}` : `account ${request.account.name}`,
    errorResponseBuilder: (_request, { ttl }) =>
      new Problem(429, "too-many-requests", `too many requests: try again in ${Math.ceil(ttl / 1_000)} s`),
  });
  // Behind the limits: whoever is refused has asked, too.
  addRefusals(app);
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) => {
    sendProblem(
      reply,
      new Problem(404, "no-such-route", `there is no ${request.method} ${request.url.split("?")[0] ?? ""}`),
    );
  });
  await addDocument(app);
  addHealthRoutes(app, context);
  addSessionRoutes(app, context, gate);
  addAccountRoutes(app, context, gate);
  addTokenRoutes(app, context);
  addBillRoutes(app, context);
  addFeederRoutes(app, context);
  addRoundRoutes(app, context);
  addOpenedRoutes(app, context);
  addTradeoffRoutes(app, context);
  addShowcaseRoutes(app, context);
  addAlertRoutes(app, context);
  addGridRoutes(app, context);
  addLogRoutes(app, context);
  addEventRoutes(app, context, gate);
  addMetrics(app, context);
  if (context.dashboard !== undefined) await addDashboard(app, context.dashboard);
  await app.ready();
  return app;
}

/** The document itself at `/openapi.json`, its page at `/docs`. */
async function addDocument(app: Api): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Wattveil",
        description: "Bills, loads, rounds, the log and the grid. Times are Unix seconds in UTC, energy is in Wh.",
        version: "1",
      },
      components: {
        securitySchemes: {
          session: { type: "apiKey", in: "cookie", name: "wv_session" },
          token: { type: "http", scheme: "bearer" },
        },
      },
      security: [{ session: [] }, { token: [] }],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(fastifySwaggerUi, { routePrefix: DOCS });
  app.get("/openapi.json", { config: { access: "public" }, schema: { hide: true } }, async () => app.swagger());
}
