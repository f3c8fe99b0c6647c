/** The shape of `strong` at a degree that is too small for security, so that a comparison takes half a second. */
import type { CkksParameters } from "../../parameters.ts";

export const SMALL_STRONG: CkksParameters = {
  name: "small-strong",
  degree: 2048,
  primeBits: [60, 60, 60, 35, 35, ...Array.from({ length: 16 }, () => 35), 60],
  scaleBits: 80,
};
