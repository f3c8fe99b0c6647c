/**
 * Reads the layers of a configuration: YAML text, environment, flags. Each becomes values by field path with their
 * origin; names that the schema does not know become faults. Values are checked later, when the layers are merged.
 */
import { LineCounter, isMap, isScalar, parseDocument } from "yaml";
import type { Document, YAMLMap } from "yaml";
import { didYouMean } from "./faults.ts";
import type { Fault, Origin, OriginKind } from "./faults.ts";
import { FIELDS, SECTION_NAMES } from "./schema.ts";
import type { Field } from "./schema.ts";

export interface LayerValue {
  readonly value: unknown;
  readonly origin: Origin;
}

export interface Layer {
  readonly values: ReadonlyMap<string, LayerValue>;
  readonly faults: readonly Fault[];
  /** The profile that a file asks for (`profile: laptop` at its top). */
  readonly profile?: string;
}

/** One setting given on a command line: `name` is the flag as the user typed it. */
export interface Flag {
  readonly name: string;
  readonly path: string;
  readonly value: unknown;
}

/** Parses a configuration file or profile; `name` is its path as messages shall show it. */
export function yamlLayer(text: string, kind: Extract<OriginKind, "profile" | "file">, name: string): Layer {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined): Origin => ({
    kind,
    name: offset === undefined ? name : `${name}:${lines.linePos(offset).line}`,
  });
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({
      path: "(file)",
      message: error.message,
      origin: at(error.pos[0]),
    }));
    return { values: new Map(), faults };
  }
  return new YamlReader(document, at).read();
}

class YamlReader {
  readonly #values = new Map<string, LayerValue>();
  readonly #faults: Fault[] = [];
  readonly #document: Document;
  readonly #at: (offset: number | undefined) => Origin;
  #profile: string | undefined;

  constructor(document: Document, at: (offset: number | undefined) => Origin) {
    this.#document = document;
    this.#at = at;
  }

  read(): Layer {
    const root: unknown = this.#document.contents;
    if (isMap(root)) this.#readRoot(root);
    else if (!isEmpty(root)) this.#fault("(file)", "expected sections, each with its fields", undefined);
    const layer = { values: this.#values, faults: this.#faults };
    return this.#profile === undefined ? layer : { ...layer, profile: this.#profile };
  }

  #readRoot(root: YAMLMap): void {
    for (const { section, node, offset } of entriesOf(root).map(({ key, ...rest }) => ({ section: key, ...rest }))) {
      if (section === "profile") this.#readProfile(node, offset);
      else if (!(SECTION_NAMES as readonly string[]).includes(section)) {
        this.#fault(section, `unknown section${didYouMean(section, SECTION_NAMES)}`, offset);
      } else if (isMap(node)) this.#readSection(section, node);
      else if (!isEmpty(node)) this.#fault(section, "expected a section with fields", offset);
    }
  }

  #readProfile(node: unknown, offset: number | undefined): void {
    if (isScalar(node) && typeof node.value === "string") this.#profile = node.value;
    else this.#fault("profile", "expected the name of a profile", offset);
  }

  #readSection(section: string, map: YAMLMap): void {
    const known = [...FIELDS.values()].filter((field) => field.section === section).map((field) => field.name);
    for (const { key, node, offset } of entriesOf(map)) {
      const path = `${section}.${key}`;
      if (!FIELDS.has(path)) this.#fault(path, `unknown field${didYouMean(key, known)}`, offset);
      else if (!isEmpty(node)) this.#values.set(path, { value: this.#plain(node), origin: this.#at(offset) });
    }
  }

  #plain(node: unknown): unknown {
    if (isScalar(node)) return node.value;
    return isMap(node) ? node.toJS(this.#document) : (node as { toJSON: () => unknown }).toJSON();
  }

  #fault(path: string, message: string, offset: number | undefined): void {
    this.#faults.push({ path, message, origin: this.#at(offset) });
  }
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

function entriesOf(map: YAMLMap): { key: string; node: unknown; offset: number | undefined }[] {
  return map.items.map(({ key, value }) => ({
    key: isScalar(key) ? String(key.value) : String(key),
    node: value,
    offset: isScalar(key) ? key.range?.[0] : undefined,
  }));
}

/** Variables that say where to read, not what. */
const LOCATORS = new Set(["WV_CONFIG", "WV_PROFILE"]);

export function environmentLayer(environment: Readonly<Record<string, string | undefined>>): Layer {
  const byName = new Map([...FIELDS.values()].map((field) => [field.environment, field]));
  const values = new Map<string, LayerValue>();
  const faults: Fault[] = [];
  for (const [name, text] of Object.entries(environment)) {
    if (!name.startsWith("WV_") || LOCATORS.has(name) || text === undefined) continue;
    const origin: Origin = { kind: "environment", name };
    const field = byName.get(name);
    if (field === undefined) {
      faults.push({ path: name, message: `unknown variable${didYouMean(name, byName.keys())}`, origin });
    } else values.set(field.path, { value: typed(text, field), origin });
  }
  return { values, faults };
}

export function flagLayer(flags: readonly Flag[]): Layer {
  const values = new Map<string, LayerValue>();
  const faults: Fault[] = [];
  for (const { name, path, value } of flags) {
    const origin: Origin = { kind: "flag", name };
    const field = FIELDS.get(path);
    if (field === undefined) {
      faults.push({ path, message: `unknown field${didYouMean(path, FIELDS.keys())}`, origin });
    } else if (value !== undefined) {
      values.set(path, { value: typeof value === "string" ? typed(value, field) : value, origin });
    }
  }
  return { values, faults };
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/** Text from a shell becomes what its field takes; what fits nothing stays text, for the check to name it. */
function typed(text: string, field: Field): unknown {
  const candidates: unknown[] = [text];
  if (NUMBER.test(text)) candidates.push(Number(text));
  if (text === "true" || text === "false") candidates.push(text === "true");
  if (text.startsWith("{") || text.startsWith("[")) candidates.push(fromJson(text));
  const fitting = candidates.filter((candidate) => field.schema.safeParse(candidate).success);
  return fitting[0] ?? candidates.at(-1);
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
