/** Stands before every route: who asks, whether they may, and what they did. */
import { isIP } from "node:net";
import fastifyCookie from "@fastify/cookie";
import { normalizeIP } from "@fastify/rate-limit";
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
    /** What the account came with. */
    credential: Credential | undefined;
  }
}

/** A session or an API token, by the hash of its secret. */
export interface Credential {
  readonly kind: "session" | "token";
  readonly hash: Buffer;
}

export const SESSION_COOKIE = "wv_session";
const SAFE = ["GET", "HEAD", "OPTIONS"];
const SWEEP_SECONDS = 600;
const DAY = 86_400;

export interface GateOptions {
  readonly store: AccessStore;
  /** Unix seconds. */
  readonly now: () => number;
  readonly idleSeconds: number;
  readonly maxSeconds: number;
  /** Entries of the audit are kept for so long. */
  readonly auditDays: number;
  /** Files for browsers below these paths are for anyone. */
  readonly publicPaths: readonly string[];
  /** The cookie travels over HTTPS only. */
  readonly secure: boolean;
}

/** Aborted when whoever waits for the answer has gone. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => gone.abort());
  if (raw.destroyed) gone.abort();
  return gone.signal;
}

/** Finds out who asks. Throws when a route does not say who may: nothing is open by oversight. */
export async function addGate(app: FastifyInstance, options: GateOptions): Promise<void> {
  await app.register(fastifyCookie);
  app.decorateRequest("account", undefined);
  app.decorateRequest("credential", undefined);
  const sweep = sweeper(options);
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
    sweep();
    identify(request, options);
    const { access } = request.routeOptions.config;
    const isPersonal = access !== undefined && access !== "public";
    // Neither a browser that others use after this one nor a proxy keeps what is personal.
    if (isPersonal || !SAFE.includes(request.method)) reply.header("cache-control", "no-store");
  });
  // A body takes as long as its sender likes: who asks is asked again when it is there.
  app.addHook("preHandler", async (request) => {
    if (!SAFE.includes(request.method) && request.credential !== undefined) assertStill(request, options);
  });
}

/**
 * Refuses those who may not, route by route. To be called after the limits of requests were added, so that what is refused
 * here is counted there.
 */
export function addRefusals(app: FastifyInstance): void {
  const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (request.account === undefined && takesAccount(request)) {
      reply.header("www-authenticate", 'Bearer realm="wattveil"');
    }
    assertMay(request);
    assertOwnPage(request);
  };
  app.addHook("onRoute", (route) => {
    const before = route.onRequest ?? [];
    route.onRequest = [...(Array.isArray(before) ? before : [before]), refuse];
  });
}

/** Throws a Problem where whoever asked has lost the right to since. */
export function assertStill(request: FastifyRequest, options: GateOptions): void {
  request.account = request.credential === undefined ? undefined : accountOf(request.credential, options, false);
  assertMay(request);
}

function takesAccount({ routeOptions }: FastifyRequest): boolean {
  const { access } = routeOptions.config;
  return access !== undefined && access !== "public"; // undefined: no such route
}

function assertMay({ account, routeOptions }: FastifyRequest): void {
  const { access } = routeOptions.config;
  if (access === undefined || access === "public") return;
  if (account === undefined) throw new Problem(401, "not-signed-in", "sign in, or send an API token that is valid");
  if (!mayAccess(access, account.role)) {
    throw new Problem(403, "not-allowed", `this is for ${access.join(" and ")}, not for ${account.role}`);
  }
}

/** Now and then forgets what has ended; of the audit a slice with each request, until nothing of it is too old. */
function sweeper({ store, now, auditDays, ...limits }: GateOptions): () => void {
  let swept = 0;
  let pruned = 0;
  return () => {
    const at = Math.floor(now());
    if (Math.abs(at - swept) > SWEEP_SECONDS) {
      swept = at;
      store.forgetEnded(at, limits);
    }
    if (Math.abs(at - pruned) > DAY && !store.pruneAudit(at - auditDays * DAY, at)) pruned = at;
  };
}

/** Whose credential it is, while it holds. `uses`: a session that is asked for is not idle. */
export function accountOf(
  { kind, hash }: Credential,
  { store, now, idleSeconds, maxSeconds }: GateOptions,
  uses: boolean,
): Account | undefined {
  const at = Math.floor(now()); // the store keeps whole seconds
  return kind === "token"
    ? store.tokenAccount(hash, at, uses)
    : store.sessionAccount(hash, at, { idleSeconds, maxSeconds }, uses);
}

function identify(request: FastifyRequest, options: GateOptions): void {
  const credential = credentialOf(request);
  if (credential === undefined) return;
  request.account = accountOf(credential, options, true);
  if (request.account !== undefined) request.credential = credential;
}

function credentialOf({ headers, cookies }: FastifyRequest): Credential | undefined {
  const { authorization } = headers;
  if (authorization !== undefined) {
    const [, token] = /^Bearer ([\w-]{1,128})$/i.exec(authorization) ?? [];
    // A token that is wrong is not made good by a cookie.
    return token === undefined ? undefined : { kind: "token", hash: hashSecret(token) };
  }
  const cookie = cookies[SESSION_COOKIE];
  return cookie === undefined ? undefined : { kind: "session", hash: hashSecret(cookie) };
}

/**
 * Cookies travel with requests that another site's page makes; what changes something must come from ours. Signing in as well,
 * which has no cookie yet: no other page begins a session here.
 */
function assertOwnPage(request: FastifyRequest): void {
  if (SAFE.includes(request.method) || request.credential?.kind === "token") return;
  if (isForeign(request)) throw new Problem(403, "cross-site", "this request comes from a page of another site");
}

/** Whether a browser says that another site's page has made it. */
export function isForeign({ headers }: FastifyRequest): boolean {
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host);
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

/** What one household or office has: an IPv4 address, or the 2^64 of an IPv6 network. */
export function networkOf(request: FastifyRequest): string {
  const address = addressOf(request);
  return address === "" ? "unknown" : normalizeIP(address);
}
