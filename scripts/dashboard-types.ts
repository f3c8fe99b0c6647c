/**
 * `npm run dashboard -- types`: what the HTTP interface's document says, as types for the dashboard, so that nobody writes
 * an answer down twice. A test holds the file against the document.
 */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import openapiTS, { astToString } from "openapi-typescript";
import { logPolicy } from "../config/log-policy.ts";
import { createLogger } from "../config/runtime/logger.ts";
import { configSchema } from "../config/schema.ts";
import { AccessStore } from "../utility/api/access/access-store.ts";
import { PasswordDesk } from "../utility/api/access/password-desk.ts";
import { deriveHere } from "../utility/api/access/passwords.ts";
import { UtilityReader } from "../utility/api/context.ts";
import { openAlerts } from "../utility/api/alerts/index.ts";
import { GridClient } from "../utility/api/grid/grid-client.ts";
import { LiveHub } from "../utility/api/live/live-hub.ts";
import { createApi } from "../utility/api/server.ts";

export const TYPES_FILE = join(import.meta.dirname, "../utility/dashboard/api/schema.d.ts");
const HEADING = "/** What the HTTP interface answers. Made by `npm run dashboard -- types`; not to be edited. */\n";

type Responses = Record<string, { readonly content?: Record<string, unknown> }>;

interface Document {
  readonly paths: Record<string, Record<string, { responses: Responses; description?: string }>>;
}

/** The types as text. An interface is put together for it that listens nowhere and has no database. */
export async function dashboardTypes(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "wv-types-"));
  const config = configSchema.parse({ paths: { data: folder, logs: folder }, logging: { level: "silent" } });
  const store = AccessStore.open(join(folder, "api.db"));
  const live = new LiveHub();
  const { log } = createLogger(config, "api", { files: false });
  const now = (): number => 0;
  const alerts = openAlerts({ config, place: join(folder, "alerts.db"), live, now, publish: () => {}, log });
  const app = await createApi(
    {
      config,
      store,
      passwords: new PasswordDesk({ ...config.api, derive: deriveHere }),
      utility: new UtilityReader(join(folder, "none")),
      live,
      grid: new GridClient({ ...config.grid, warn: () => {} }),
      alerts: alerts.engine,
      policy: logPolicy(config, generateKeyPairSync("ed25519").publicKey),
      now,
    },
    log,
  );
  try {
    const document: Document = (await app.inject("/openapi.json")).json();
    for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
      delete operation.description; // who may: the roles are no types
      for (const { content = {} } of Object.values(operation.responses)) delete content["text/csv"];
      // Problems are all alike; the dashboard reads them in one place.
      const answers = Object.entries(operation.responses).filter(([status]) => status < "400");
      operation.responses = Object.fromEntries(answers);
    }
    return HEADING + astToString(await openapiTS(document as never));
  } finally {
    await app.close();
    await alerts.stop();
    store.close();
    rmSync(folder, { recursive: true });
  }
}
