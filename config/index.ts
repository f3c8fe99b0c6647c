/** The configuration: schema, loader, faults. What processes share at run time stands in `runtime/`. */
export { ConfigError, describeOrigin } from "./faults.ts";
export type { Fault, Origin, OriginKind } from "./faults.ts";
export type { Flag } from "./layers.ts";
export { loadConfig } from "./load.ts";
export type { ConfigSources, EffectiveConfig } from "./load.ts";
export type { Config } from "./schema.ts";
