/** Reads the rules of alerts from YAML; what is wrong is told by file, line and field, all of it at once. */
import { type Alias, type Document, isAlias, isMap, isNode, isSeq, LineCounter, parseDocument, visit } from "yaml";
import { ExplainedError } from "../../../config/faults.ts";
import { shippedFile } from "../../../config/runtime/shipped-file.ts";
import { readText } from "../../../config/runtime/text-file.ts";
import { pathText } from "../../../billing/tariffs/faults.ts";
import { type Rule, rulesSchema } from "./rule.ts";

class RulesError extends ExplainedError {
  override readonly exitCode = 2;

  constructor(lines: readonly string[]) {
    const [first = ""] = lines;
    const list = lines.map((line) => `\n  ${line}`).join("");
    super(`alerts.rules: ${lines.length === 1 ? first : `${lines.length} faults:${list}`}`);
    this.name = "RulesError";
  }
}

/** What stands for other lines is followed so often at most: each could stand for ten that stand for ten. */
const MOST_ALIASES = 100;
const MOST_BRACKETS = 100;
const MOST_INDENT = 200;

/** Throws RulesError. */
export function readRules(file: string): readonly Rule[] {
  let text: string;
  try {
    text = readText(shippedFile(file));
  } catch (error) {
    throw new RulesError([`${file} cannot be read (${String((error as NodeJS.ErrnoException).code)})`]);
  }
  return parseRules(text, file);
}

/** `name` of the file, for messages. Throws RulesError. */
export function parseRules(text: string, name: string): readonly Rule[] {
  assertFlat(text, name);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => `${name}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    throw new RulesError(document.errors.map(({ message, pos: [offset] }) => `${at(offset)}: ${message}`));
  }
  const parsed = rulesSchema.safeParse(plainOf(document, at));
  if (parsed.success) return parsed.data.rules;
  const faults = parsed.error.issues.map((issue) => {
    const path = pathText(issue.path);
    const where = offsetOf(document.contents, issue.path);
    return `${at(where)}: ${path === "" ? "" : `${path}: `}${issue.message}`;
  });
  throw new RulesError(faults);
}

/** What begins something within something in a line: `- - key:` and `? ? `, and the blanks before it. */
const OPENERS = /^(?:\s|[-?:](?=\s|$))*/;

/**
 * Things within each other take the parser's stack; rules have three. By brackets, those in texts too, and by indentation: a line that
 * opens so many, or that stands so far in, is none of a file of rules.
 */
function assertFlat(text: string, name: string): void {
  for (const [i, own] of text.split("\n").entries()) {
    const [opened = ""] = OPENERS.exec(own) ?? [];
    if (opened.length > MOST_INDENT) {
      throw new RulesError([`${name}:${i + 1}: more than ${MOST_INDENT} characters of indentation`]);
    }
  }
  let [depth, line] = [0, 1];
  for (const character of text) {
    if (character === "\n") line += 1;
    else if (character === "[" || character === "{") depth += 1;
    else if (character === "]" || character === "}") depth = Math.max(0, depth - 1);
    if (depth > MOST_BRACKETS) {
      throw new RulesError([`${name}:${line}: more than ${MOST_BRACKETS} brackets within each other`]);
    }
  }
}

/** What the document says, with aliases followed. Throws RulesError for those that stand for nothing, or for too much. */
function plainOf(document: Document, at: (offset: number) => string): unknown {
  const anchors = new Set<string>();
  const aliases: Alias[] = [];
  const unknown: Alias[] = [];
  visit(document, {
    Node: (_key, node) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.add(node.anchor);
        return;
      }
      aliases.push(node);
      if (!anchors.has(node.source)) unknown.push(node);
    },
  });
  const where = (alias: Alias | undefined): string => at(alias?.range?.[0] ?? 0);
  if (unknown.length > 0) {
    throw new RulesError(
      unknown.map((alias) => `${where(alias)}: *${alias.source}: nothing above it is called &${alias.source}`),
    );
  }
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new RulesError([
      `${where(aliases[0])}: aliases (*name) stand for too much: at most ${MOST_ALIASES} are followed`,
    ]);
  }
}

/** Of the node at a path, or of the nearest one above it that is there. */
function offsetOf(root: unknown, path: readonly PropertyKey[]): number {
  let node = root;
  let offset = isNode(root) ? (root.range?.[0] ?? 0) : 0;
  for (const key of path) {
    const next: unknown = isMap(node) || isSeq(node) ? node.get(key, true) : undefined;
    if (!isNode(next)) return offset;
    node = next;
    offset = next.range?.[0] ?? offset;
  }
  return offset;
}
