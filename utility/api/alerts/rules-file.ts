/** Reads the rules of alerts from YAML; what is wrong is told by file, line and field, all of it at once. */
import { readFileSync } from "node:fs";
import { isMap, isNode, isSeq, LineCounter, parseDocument } from "yaml";
import { ExplainedError } from "../../../config/faults.ts";
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

/** Throws RulesError. */
export function readRules(file: string): readonly Rule[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new RulesError([`${file} cannot be read (${String((error as NodeJS.ErrnoException).code)})`]);
  }
  return parseRules(text, file);
}

/** `name` of the file, for messages. Throws RulesError. */
export function parseRules(text: string, name: string): readonly Rule[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => `${name}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    throw new RulesError(document.errors.map(({ message, pos: [offset] }) => `${at(offset)}: ${message}`));
  }
  const parsed = rulesSchema.safeParse(document.toJS());
  if (parsed.success) return parsed.data.rules;
  const faults = parsed.error.issues.map((issue) => {
    const path = pathText(issue.path);
    const where = offsetOf(document.contents, issue.path);
    return `${at(where)}: ${path === "" ? "" : `${path}: `}${issue.message}`;
  });
  throw new RulesError(faults);
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
