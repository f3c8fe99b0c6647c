/** Parts the text of a MATPOWER case into statements: no comments, continued lines joined, brackets kept whole. */

export interface Line {
  readonly line: number;
  readonly text: string;
}

export interface Statement {
  /** Line on which it begins, from 1 on. */
  readonly line: number;
  /** Up to an opening bracket of a matrix or list, or the whole statement. */
  readonly text: string;
  /** What stands in `[...]` or `{...}` on the right, by line; undefined for any other statement. */
  readonly body: readonly Line[] | undefined;
}

const OPENS = /=\s*([[{])/;
const COMMENT_BEGINS = /^\s*%\{\s*$/;
const COMMENT_ENDS = /^\s*%\}\s*$/;

/** `fail` is called, and must throw, for a bracket or a comment of several lines that is never closed. */
export function statementsOf(text: string, fail: (line: number, what: string) => never): Statement[] {
  const statements: Statement[] = [];
  const comments: number[] = [];
  let open: { line: number; text: string; close: string; body: Line[] } | undefined;
  let continued: { parts: string[]; line: number } | undefined;
  for (const [at, raw] of text.split(/\r\n|\n|\r/).entries()) {
    // Comments of several lines nest, and begin and end with lines of their own.
    if (COMMENT_BEGINS.test(raw)) comments.push(at + 1);
    const isComment = comments.length > 0;
    if (COMMENT_ENDS.test(raw)) comments.pop();
    if (isComment) continue;
    const line = continued?.line ?? at + 1;
    const own = withoutComment(raw);
    const whole = own.trimEnd();
    if (whole.endsWith("...")) {
      continued ??= { parts: [], line };
      continued.parts.push(`${whole.slice(0, -3)} `);
      continue;
    }
    let rest = continued === undefined ? own : [...continued.parts, own].join("");
    continued = undefined;
    while (rest.trim() !== "") {
      if (open !== undefined) {
        const end = indexOutsideQuotes(rest, open.close);
        open.body.push({ line, text: end < 0 ? rest : rest.slice(0, end) });
        if (end < 0) break;
        statements.push({ line: open.line, text: open.text, body: open.body });
        open = undefined;
        rest = rest.slice(end + 1).replace(/^\s*;/, "");
        continue;
      }
      const opens = OPENS.exec(rest);
      const semicolon = indexOutsideQuotes(rest, ";");
      if (opens !== null && (semicolon < 0 || opens.index < semicolon)) {
        open = {
          ...{ line, text: rest.slice(0, opens.index).trim(), body: [] },
          close: opens[1] === "[" ? "]" : "}",
        };
        rest = rest.slice(opens.index + opens[0].length);
        if (rest.trim() === "") break;
        continue;
      }
      const statement = (semicolon < 0 ? rest : rest.slice(0, semicolon)).trim();
      if (statement !== "") statements.push({ line, text: statement, body: undefined });
      if (semicolon < 0) break;
      rest = rest.slice(semicolon + 1);
    }
  }
  if (comments.length > 0) fail(comments[0]!, "the comment that begins with %{ is never closed");
  if (open !== undefined) fail(open.line, `${open.text}: the bracket is never closed`);
  return statements;
}

function withoutComment(text: string): string {
  const at = indexOutsideQuotes(text, "%");
  return at < 0 ? text : text.slice(0, at);
}

function indexOutsideQuotes(text: string, sought: string): number {
  let quote: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (quote !== undefined) {
      if (char === quote) quote = undefined;
    } else if (char === "'" || char === '"') quote = char;
    else if (char === sought) return at;
  }
  return -1;
}
