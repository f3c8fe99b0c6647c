/** Asks the utility's own check whether it could bill by the tariffs of a configuration, before anything is made. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Config } from "../../config/index.ts";
import { UsageError } from "../../config/runtime/role-command.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SECTIONS = ["billing.tariff", "billing.tariffs", "system.currency", "system.timezone"] as const;

/** Throws UsageError with what the check says. The tariffs that come with the program need no check. */
export async function checkTariffs(config: Config, isChosen: (path: string) => boolean): Promise<void> {
  if (!SECTIONS.some((path) => isChosen(path))) return;
  const { billing, system } = config;
  const values = [billing.tariff, JSON.stringify(billing.tariffs), system.currency, system.timezone];
  const set = SECTIONS.flatMap((path, i) => ["--set", `${path}=${String(values[i])}`]);
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("WV_")));
  const stdio: ["ignore", "ignore", "pipe"] = ["ignore", "ignore", "pipe"];
  const args = ["config/runtime/start.mjs", "utility/tariffs-main.ts", ...set];
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new UsageError(said.trimEnd());
}
