/** A process that tells its parent how wrong its clock is, whenever it is asked. */
import { heardSkew } from "../clock-skew.ts";

const skew = heardSkew();
process.on("message", (message: { readonly type?: unknown }) => {
  if (message.type === "ask") process.send?.({ skewSeconds: skew() });
});
process.channel?.ref();
process.send?.({ type: "ready" });
