/** All checks of an installation, in the order in which a fault in one makes the next meaningless. */
import type { Config, ConfigSources } from "../../config/index.ts";
import { checkCiphertextEngine } from "./ciphertexts.ts";
import { checkConfiguration } from "./configuration.ts";
import { type Finding, findingsOf, messageOf } from "./finding.ts";
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
  const program = [
    ...(await guarded("installation", () => checkInstallation(options.root, options.nodeVersion))),
    ...(await guarded("installation", () => [checkNativeModules()])),
    ...(await guarded("self-test", () => checkArithmetic())),
  ];
  const programs = await guarded("optional programs", () => checkPrograms(options.path));
  let config: Config | undefined;
  const configuration = await guarded("configuration", () => {
    const checked = checkConfiguration(options.sources);
    ({ config } = checked);
    return [...checked.findings];
  });
  if (config === undefined) return [...program, ...configuration, ...programs];
  const loaded = config;
  const { data, results, logs } = loaded.paths;
  const storage = await guarded("storage", () => [
    checkFolder("paths.data", data),
    checkFolder("paths.results", results),
    checkFolder("paths.logs", logs),
    checkDisk(data),
  ]);
  return [
    ...program,
    ...configuration,
    ...storage,
    ...(await guarded("ciphertexts", () => checkCiphertextEngine(loaded))),
    ...(await guarded("keys", () => checkKeys(loaded, options.now))),
    ...(await guarded("broker", () => checkPorts(loaded))),
    ...(await guarded("storage", () => checkDatabases(data))),
    ...programs,
  ];
}

/** A check that fails is a finding, too: the others still have something to say. */
export async function guarded(area: string, check: () => Finding[] | Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await check();
  } catch (error) {
    return [findingsOf(area).fault("check", messageOf(error), "mend what the message names, and check again")];
  }
}
