/** Patterns of elements: `*` stands for anything, every other character for itself. */

/**
 * What a text must be. Pieces between stars are looked for from left to right, each where it comes first: if a text fits at all,
 * it fits so, and nothing is ever tried again. A regular expression would, for longer than anyone waits.
 */
export function starPattern(pattern: string): (text: string) => boolean {
  const [head = "", ...pieces] = pattern.split("*");
  const tail = pieces.pop();
  if (tail === undefined) return (text) => text === head;
  return (text) => {
    const end = text.length - tail.length;
    if (end < head.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
    let at = head.length;
    for (const piece of pieces) {
      const found = text.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= end;
  };
}
