/** Loads the configuration for checking: every fault becomes a finding, and nothing is thrown. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Config, ConfigError, describeOrigin, loadConfig } from "../../config/index.ts";
import type { ConfigSources } from "../../config/index.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, fault } = findingsOf("configuration");

export interface CheckedConfig {
  /** Undefined where there are faults. */
  readonly config: Config | undefined;
  readonly findings: readonly Finding[];
}

/**
 * Where nobody names a file or profile and the fleet has run here, its configuration is the one that the keys fit.
 */
export function checkConfiguration(sources: ConfigSources): CheckedConfig {
  try {
    const config = loadConfig(sources);
    const named = sources.file ?? sources.profile ?? sources.env["WV_CONFIG"] ?? sources.env["WV_PROFILE"];
    const fleets = join(config.paths.data, "fleet", "config.yaml");
    if (named === undefined && existsSync(fleets)) {
      return {
        config: loadConfig({ ...sources, file: fleets }),
        findings: [ok("loads", `${fleets}, of the last fleet`)],
      };
    }
    return { config, findings: [ok("loads", named ?? "defaults")] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const remedy = "correct it there; npm run config shows every field";
    const findings = error.faults.map(({ path, message, origin }) =>
      fault(path, `${message} (${describeOrigin(origin)})`, remedy),
    );
    return { config: undefined, findings };
  }
}
