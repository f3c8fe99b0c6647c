/** The colours a grid is painted with. */
import { colourOf } from "../ui/ink.ts";
import type { Ink } from "./paint.ts";

export function inkOfPage(): Ink {
  return {
    page: colourOf("page"),
    surface: colourOf("surface"),
    text: colourOf("text"),
    muted: colourOf("muted"),
    line: colourOf("line-strong"),
    accent: colourOf("accent"),
    good: colourOf("series-3"),
    warn: colourOf("warn"),
    bad: colourOf("bad"),
    low: colourOf("series-2"),
    high: colourOf("series-4"),
    path: colourOf("series-4"),
    font: getComputedStyle(document.body).fontFamily,
  };
}
