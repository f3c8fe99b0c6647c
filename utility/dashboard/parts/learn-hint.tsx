/** How one gets rounds of learning to see: a campaign has a folder of its own, which the fleet's dashboard does not show. */
import type { ReactNode } from "react";

export function LearnHint(): ReactNode {
  return (
    <>
      <code>npm run learn</code> lets simulated homes learn together, in a folder of its own. To see it here, give that
      folder an account and an interface: <code>npm run accounts -- add eva --role operator --data data/learn</code>,
      then <code>npm run api -- --data data/learn --set api.port=8081</code>.
    </>
  );
}
