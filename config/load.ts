/**
 * Builds the effective configuration: defaults, then a profile, a file, the environment and flags, each over the one
 * before. Every fault of every layer is found before anything is refused.
 */
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import type { z } from "zod";
import { CHECKS, smallestQuorum } from "./checks.ts";
import { allowedBy } from "./describe.ts";
import { ConfigError, DEFAULT_ORIGIN, didYouMean } from "./faults.ts";
import type { Fault, Origin } from "./faults.ts";
import { environmentLayer, flagLayer, yamlLayer } from "./layers.ts";
import type { Flag, Layer, LayerValue } from "./layers.ts";
import { FIELDS } from "./schema.ts";
import type { Config, Field } from "./schema.ts";
import { readText } from "./runtime/text-file.ts";

export interface ConfigSources {
  /** A YAML file; else the one that WV_CONFIG names, else none. */
  readonly file?: string | undefined;
  /** A name in `config/profiles`; else WV_PROFILE, else what the file asks for, else none. */
  readonly profile?: string | undefined;
  /** Usually `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags?: readonly Flag[] | undefined;
}

export interface EffectiveConfig {
  readonly config: Config;
  /** Where each field's value comes from, by `section.field`. */
  readonly origins: ReadonlyMap<string, Origin>;
}

const PROFILES = path.join(import.meta.dirname, "profiles");

/** Names of the profiles that come with the system. */
export function profileNames(): string[] {
  return readdirSync(PROFILES)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => name.slice(0, -".yaml".length))
    .sort();
}

/** Throws ConfigError, which lists all faults. */
export function loadConfig(sources: ConfigSources): Config {
  return loadEffective(sources).config;
}

/** As loadConfig, with the origin of each value. */
export function loadEffective({ file, profile, env, flags = [] }: ConfigSources): EffectiveConfig {
  const fileName = file ?? env["WV_CONFIG"];
  const fileLayer = fileName === undefined ? EMPTY : readFile(fileName, file === undefined);
  const profileName = profile ?? env["WV_PROFILE"] ?? fileLayer.profile;
  const profileLayer = profileName === undefined ? EMPTY : readProfile(profileName);
  return merge([profileLayer, fileLayer, environmentLayer(env), flagLayer(flags)]);
}

const MOST_CONFIG_BYTES = 1_048_576;
const EMPTY: Layer = { values: new Map(), faults: [] };

function readFile(file: string, byEnvironment: boolean): Layer {
  const origin: Origin = byEnvironment
    ? { kind: "environment", name: "WV_CONFIG" }
    : { kind: "flag", name: "--config" };
  const text = textOf(file);
  if (typeof text === "string") return yamlLayer(text, "file", file);
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: "there is no such file",
    EISDIR: "is a folder; expected a YAML file",
    EACCES: "may not be read by this user (EACCES)",
  };
  const message = reasons[text.code] ?? `cannot be read (${text.code})`;
  return { values: new Map(), faults: [{ path: file, message, origin }] };
}

function readProfile(name: string): Layer {
  const known = profileNames();
  if (known.includes(name)) {
    return yamlLayer(readFileSync(path.join(PROFILES, `${name}.yaml`), "utf8"), "profile", `${name}.yaml`);
  }
  const message = `there is no such profile, only ${known.join(", ")}${didYouMean(name, known)}`;
  return { values: new Map(), faults: [{ path: "profile", message, origin: { kind: "profile", name } }] };
}

function textOf(file: string): string | { readonly code: string } {
  try {
    return readText(file, MOST_CONFIG_BYTES);
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? "unreadable" };
  }
}

type Sections = Record<string, Record<string, unknown>>;

function merge(layers: readonly Layer[]): EffectiveConfig {
  const given = new Map<string, LayerValue>(layers.flatMap((layer) => [...layer.values]));
  const faults = layers.flatMap((layer) => [...layer.faults]);
  const origins = new Map<string, Origin>();
  const sections: Sections = {};
  const wrong = new Set<string>();
  for (const field of FIELDS.values()) {
    const { path: fieldPath, section, name, schema } = field;
    const { value, origin } = given.get(fieldPath) ?? { value: undefined, origin: DEFAULT_ORIGIN };
    const result = schema.safeParse(value);
    if (!result.success) {
      wrong.add(fieldPath);
      for (const issue of result.error.issues)
        faults.push({ path: fieldPath, message: explain(issue, field, value), origin });
    }
    // A wrong field takes its default for the checks; those that read it are skipped.
    (sections[section] ??= {})[name] = result.success ? result.data : schema.parse(undefined);
    origins.set(fieldPath, origin);
  }
  const config = sections as unknown as Config;
  faults.push(...crossFaults(config, wrong, origins));
  if (faults.length > 0) throw new ConfigError(faults);
  return { config: deepFreeze(withDerived(sections, origins)), origins };
}

function explain(issue: z.core.$ZodIssue, field: Field, value: unknown): string {
  // JSON writes null for what YAML has as .nan and .inf.
  const got = typeof value === "number" ? String(value) : JSON.stringify(value);
  if (issue.path.length > 0) {
    const fault = issue.code === "invalid_key" ? issue.issues[0]?.message : issue.message;
    const inner = issue.path.join(".");
    // The library's own messages are whole sentences; ours say what is expected.
    const sentence = fault !== undefined && /^(?:Invalid|Too|Unrecognized) /.test(fault);
    return sentence ? `${inner}: ${lowerFirst(fault)}` : `${inner}: expected ${fault ?? "another name"}`;
  }
  // The message of a pattern is our own phrase for it.
  const expected = issue.code === "invalid_format" && issue.format === "regex" ? issue.message : allowedBy(field);
  return `expected ${expected}, got ${got}`;
}

function lowerFirst(text: string): string {
  return `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

function crossFaults(config: Config, wrong: ReadonlySet<string>, origins: ReadonlyMap<string, Origin>): Fault[] {
  return CHECKS.flatMap(({ fields, fault }) => {
    if (fields.some((name) => wrong.has(name))) return [];
    const message = fault(config);
    if (message === undefined) return [];
    // What the user set is more likely at fault than a default.
    const name = fields.find((field) => origins.get(field)?.kind !== "default") ?? fields[0]!;
    const others = fields.filter((field) => field !== name);
    const beside = others.length === 0 ? "" : ` [with ${others.join(", ")}]`;
    return [{ path: name, message: `${message}${beside}`, origin: origins.get(name) ?? DEFAULT_ORIGIN }];
  });
}

function withDerived(sections: Sections, origins: Map<string, Origin>): Config {
  const config = sections as unknown as Config;
  if (config.system.quorum === 0) {
    sections["system"]!["quorum"] = smallestQuorum(config.system.aggregators, config.system.threshold);
    origins.set("system.quorum", { kind: "derived", name: "from system.aggregators and system.threshold" });
  }
  return config;
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === "object" && inner !== null) deepFreeze(inner as object);
  return Object.freeze(value);
}
