/** All checks of an installation, in the order in which a fault in one makes the next meaningless. */
import type { ConfigSources } from "../../config/index.ts";
import { checkConfiguration } from "./configuration.ts";
import type { Finding } from "./finding.ts";
import { checkArithmetic, checkInstallation, checkNativeModules } from "./installation.ts";
import { checkKeys } from "./keys.ts";
import { checkPorts } from "./ports.ts";
import { checkPrograms } from "./programs.ts";
import { checkDatabases, checkDisk, checkFolder } from "./storage.ts";

export interface ValidateOptions {
  /** The folder of package.json. */
  readonly root: string;
  readonly nodeVersion: string;
  /** The environment variable PATH. */
  readonly path: string;
  readonly sources: ConfigSources;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Never throws for something that is wrong with the installation: that is what it reports. */
export async function validate(options: ValidateOptions): Promise<Finding[]> {
  const { config, findings } = checkConfiguration(options.sources);
  const program = [
    ...checkInstallation(options.root, options.nodeVersion),
    checkNativeModules(),
    ...(await checkArithmetic()),
    ...findings,
  ];
  if (config === undefined) return [...program, ...checkPrograms(options.path)];
  const { data, results, logs } = config.paths;
  return [
    ...program,
    checkFolder("paths.data", data),
    checkFolder("paths.results", results),
    checkFolder("paths.logs", logs),
    checkDisk(data),
    ...(await checkKeys(config, options.now)),
    ...(await checkPorts(config)),
    ...checkDatabases(data),
    ...checkPrograms(options.path),
  ];
}
