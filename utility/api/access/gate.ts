/** Stands before every route: who asks, whether they may, and what they did. */
import { isIP } from "node:net";
import fastifyCookie from "@fastify/cookie";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Problem } from "../problem.ts";
import type { AccessStore, Account } from "./access-store.ts";
import { type Access, mayAccess } from "./roles.ts";
import { hashSecret } from "./secrets.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    /** Who asks; undefined for nobody that we know. */
    account: Account | undefined;
    /** The hash of the session that the account came with; undefined for API tokens. */
    session: Buffer | undefined;
  }
}

export const SESSION_COOKIE = "wv_session";
const SAFE = ["GET", "HEAD", "OPTIONS"];
const SWEEP_SECONDS = 600;

export interface GateOptions {
  readonly store: AccessStore;
  /** Unix seconds. */
  readonly now: () => number;
  readonly idleSeconds: number;
  readonly maxSeconds: number;
  /** Files for browsers below these paths are for anyone. */
  readonly publicPaths: readonly string[];
  /** The cookie travels over HTTPS only. */
  readonly secure: boolean;
}

/** Throws when a route does not say who may ask: nothing is open by oversight. */
export async function addGate(app: FastifyInstance, options: GateOptions): Promise<void> {
  const { store, now } = options;
  await app.register(fastifyCookie);
  app.decorateRequest("account", undefined);
  app.decorateRequest("session", undefined);
  let swept = 0;
  app.addHook("onRoute", (route) => {
    const { url, method } = route;
    if (options.publicPaths.some((path) => url === path || url.startsWith(`${path}/`))) {
      route.config = { ...route.config, access: "public" };
    }
    if (route.config?.access === undefined) {
      throw new Error(`${String(method)} ${url}: the route does not say who may ask`);
    }
  });
  app.addHook("onRequest", async (request, reply) => {
    if (now() - swept > SWEEP_SECONDS) {
      swept = Math.floor(now());
      store.forgetEnded(swept, options);
    }
    identify(request, options);
    const { access } = request.routeOptions.config;
    if (access === undefined || access === "public") return; // undefined: no such route
    if (request.account === undefined) {
      reply.header("www-authenticate", 'Bearer realm="wattveil"');
      throw new Problem(401, "not-signed-in", "sign in, or send an API token that is valid");
    }
    if (!mayAccess(access, request.account.role)) {
      throw new Problem(403, "not-allowed", `this is for ${access.join(" and ")}, not for ${request.account.role}`);
    }
    assertOwnPage(request);
  });
}

function identify(request: FastifyRequest, { store, now, idleSeconds, maxSeconds }: GateOptions): void {
  const at = Math.floor(now()); // the store keeps whole seconds
  const { authorization } = request.headers;
  if (authorization !== undefined) {
    const [, token] = /^Bearer ([\w-]{1,128})$/i.exec(authorization) ?? [];
    request.account = token === undefined ? undefined : store.tokenAccount(hashSecret(token), at);
    return; // a token that is wrong is not made good by a cookie
  }
  const cookie = request.cookies[SESSION_COOKIE];
  if (cookie === undefined) return;
  const hash = hashSecret(cookie);
  request.account = store.sessionAccount(hash, at, { idleSeconds, maxSeconds });
  if (request.account !== undefined) request.session = hash;
}

/** Cookies travel with requests that another site's page makes; what changes something must come from ours. */
function assertOwnPage({ method, headers, session }: FastifyRequest): void {
  if (SAFE.includes(method) || session === undefined) return;
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"];
  const foreign = origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host);
  if (foreign || (site !== undefined && site !== "same-origin" && site !== "none")) {
    throw new Problem(403, "cross-site", "this request comes from a page of another site");
  }
}

export function setSessionCookie(reply: FastifyReply, secret: string, { secure, maxSeconds }: GateOptions): void {
  reply.setCookie(SESSION_COOKIE, secret, {
    path: "/",
    httpOnly: true,
    sameSite: "strict",
    secure,
    maxAge: maxSeconds,
  });
}

/** The address in the audit; nothing else of a request is trusted to be short. */
export function addressOf({ ip }: FastifyRequest): string {
  return isIP(ip) === 0 ? "" : ip;
}
