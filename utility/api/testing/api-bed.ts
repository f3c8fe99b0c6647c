/** An API over a database of its own, with an account for each role; nothing listens. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { configSchema } from "../../../config/schema.ts";
import type { Config } from "../../../config/index.ts";
import { logPolicy } from "../../../config/log-policy.ts";
import { createLogger } from "../../../config/runtime/logger.ts";
import { testPlace } from "../../../config/runtime/testing/store-place.ts";
import { openUtilityDatabase, type UtilityDatabase } from "../../store/open.ts";
import { AccessStore } from "../access/access-store.ts";
import { type DeskOptions, PasswordDesk } from "../access/password-desk.ts";
import { deriveHere, hashPassword } from "../access/passwords.ts";
import { type ApiRole, ROLES } from "../access/roles.ts";
import { openAlerts } from "../alerts/index.ts";
import { type ApiContext, UtilityReader } from "../context.ts";
import type { Api } from "../contract.ts";
import type { Dashboard } from "../dashboard/dashboard.ts";
import { GridClient } from "../grid/grid-client.ts";
import { LiveHub } from "../live/live-hub.ts";
import { createApi } from "../server.ts";

export const PASSWORD = "correct horse battery staple";
/** Real costs would make every test wait. */
const CHEAP = { N: 16, r: 1, p: 1 };
export const NOW = 1_767_225_600;

export interface ApiBed {
  readonly app: Api;
  readonly context: ApiContext;
  /** The utility's side of the database. */
  readonly db: UtilityDatabase;
  /** Headers of a signed-in account of a role, named like it. */
  readonly as: (role: ApiRole) => { cookie: string };
  /** Moves the wall clock of sessions and tokens. */
  readonly pass: (seconds: number) => void;
}

export async function apiBed(
  t: TestContext,
  settings: Partial<Config["api"]> = {},
  {
    begun = true,
    grid = {},
    showcase,
    derive = deriveHere,
    dashboard,
  }: {
    readonly begun?: boolean;
    readonly grid?: Partial<Config["grid"]>;
    /** Name of a file in the data folder. */
    readonly showcase?: string;
    readonly derive?: DeskOptions["derive"];
    readonly dashboard?: Dashboard;
  } = {},
): Promise<ApiBed> {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-api-"));
  const config = configSchema.parse({
    api: { requestsPerMinute: 100_000, signInsPerMinute: 10_000, ...settings },
    grid,
    paths: { data: folder, logs: path.join(folder, "logs") },
    logging: { level: "silent" },
  });
  const file = path.join(folder, "utility", "utility.db");
  const db = await openUtilityDatabase(file);
  const store = AccessStore.open(testPlace(path.join(folder, "api", "api.db")));
  let time = NOW;
  const { publicKey } = generateKeyPairSync("ed25519");
  const live = new LiveHub();
  const { log } = createLogger(config, "api", { files: false });
  const alerts = openAlerts({
    config,
    place: testPlace(path.join(folder, "api", "alerts.db")),
    live,
    now: () => time,
    publish: () => {},
    log,
  });
  const context: ApiContext = {
    config,
    store,
    passwords: new PasswordDesk({ ...config.api, derive }),
    utility: new UtilityReader(begun ? file : `${file}.none`),
    live,
    alerts: alerts.engine,
    grid: new GridClient({ ...config.grid, warn: () => {} }),
    policy: logPolicy(config, publicKey),
    showcaseFile: showcase === undefined ? undefined : path.join(folder, showcase),
    ...(dashboard === undefined ? {} : { dashboard }),
    // As a wall clock has it: seldom a whole second.
    now: () => time + 0.25,
  };
  const hash = await hashPassword(PASSWORD, deriveHere, CHEAP);
  for (const role of ROLES) {
    store.addAccount(
      { name: role, role, meters: role === "customer" ? ["m-001"] : [], disabled: false, createdAt: NOW },
      hash,
    );
  }
  const app = await createApi(context, log);
  t.after(async () => {
    await app.close();
    await alerts.stop();
    store.close();
    await context.utility.close();
    await db.destroy();
    rmSync(folder, { recursive: true });
  });
  const cookies = new Map<ApiRole, string>();
  for (const role of ROLES) {
    const answer = await app.inject({ method: "POST", url: "/session", payload: { name: role, password: PASSWORD } });
    const [cookie] = answer.cookies;
    if (cookie === undefined) throw new Error(`signing in as ${role}: ${answer.statusCode} ${answer.body}`);
    cookies.set(role, `${cookie.name}=${cookie.value}`);
  }
  return {
    app,
    context,
    db,
    as: (role) => ({ cookie: cookies.get(role)! }),
    pass: (seconds) => {
      time += seconds;
    },
  };
}
