/**
 * The dashboard: where it is, and its files for browsers. A process of its own builds it when somebody first asks for it, so that a
 * server nobody looks at does not; a browser that would have to wait long is told so.
 */
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyReply } from "fastify";
import type { Api } from "../contract.ts";

/** Where it is, below which files are for anyone. */
const DASHBOARD = "/app";
const BUILD = fileURLToPath(new URL("./build.mjs", import.meta.url));
/** Names with a digest of the contents: they never change. */
const ASSETS = "assets";
const FOREVER = "public, max-age=31536000, immutable";

/** A browser gets an answer by then, whatever it is. */
const WAIT_MILLISECONDS = 4_000;

/** The folder of the built dashboard, or why there is none. */
export type DashboardState =
  | { readonly folder: string }
  | { readonly notice: string /** It is on its way: nothing is wrong. */; readonly soon: boolean };

const BEING_BUILT: DashboardState = {
  notice: "The dashboard is being built, as it is once. This page looks again in two seconds.",
  soon: true,
};

export class Dashboard {
  #built: Promise<DashboardState> | undefined;

  /** Builds it where that was not done; never rejects. */
  async state(): Promise<DashboardState> {
    this.#built ??= build();
    return Promise.race([this.#built, after(WAIT_MILLISECONDS, BEING_BUILT)]);
  }
}

async function build(): Promise<DashboardState> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [BUILD]);
    return { folder: stdout.trim() };
  } catch (error) {
    const { stderr = "", message } = error as Error & { stderr?: string };
    return {
      notice: `The dashboard could not be built: ${(stderr === "" ? message : stderr).slice(0, 2_000)}`,
      soon: false,
    };
  }
}

async function after<T>(milliseconds: number, value: T): Promise<T> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds, value).unref();
  });
}

/** `/app/…` serves the dashboard, `/` leads there. Its addresses without a file are pages that the browser draws. */
export async function addDashboard(app: Api, dashboard: Dashboard): Promise<void> {
  const open = { access: "public", rateLimit: false } as const;
  app.get("/", { config: { ...open }, schema: { hide: true } }, async (_request, reply) =>
    reply.redirect(`${DASHBOARD}/`),
  );
  app.get(DASHBOARD, { config: { ...open }, schema: { hide: true } }, async (_request, reply) =>
    reply.redirect(`${DASHBOARD}/`),
  );
  await app.register(async (scope) => {
    await scope.register(fastifyStatic, {
      root: path.dirname(BUILD), // each answer names its own
      serve: false,
      preCompressed: true,
      cacheControl: false,
      // Only of files that are there: an answer that there is none must not last a year.
      setHeaders: (response, file) =>
        void response.setHeader("cache-control", path.basename(path.dirname(file)) === ASSETS ? FOREVER : "no-cache"),
    });
    scope.get<{ Params: { "*": string } }>(
      `${DASHBOARD}/*`,
      { config: { ...open }, schema: { hide: true } },
      async ({ params }, reply) => {
        const state = await dashboard.state();
        strict(reply);
        if (!("folder" in state)) {
          return await reply
            // A browser notes every 503 as an error; that it has to be built is none.
            .code(state.soon ? 202 : 503)
            .header("retry-after", 2)
            .type("text/html; charset=utf-8")
            .send(pageOf(state.notice));
        }
        const file = params["*"];
        const isAsset = file.startsWith(`${ASSETS}/`);
        return reply.sendFile(isAsset ? file : "index.html", state.folder);
      },
    );
  });
}

/** Stricter than the pages of `/docs` allow: no style and no script that is not a file of ours. */
function strict(reply: FastifyReply): void {
  void reply.header(
    "content-security-policy",
    [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      ...["base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"],
    ].join("; "),
  );
}

function pageOf(notice: string): string {
  const text = notice.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>Wattveil</title><link rel="icon" href="data:,"><p>${text}</p>`;
}
