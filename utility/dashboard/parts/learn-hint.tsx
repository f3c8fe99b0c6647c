/** How one gets rounds of learning to see: a campaign has a folder of its own, which the fleet's dashboard does not show. */
import type { ReactNode } from "react";
import { Command } from "../ui/command.tsx";

export function LearnHint(): ReactNode {
  return (
    <>
      <Command>npm run learn</Command> lets simulated homes learn together, in a folder of its own. To see it, give that
      folder an account and an interface:{" "}
      <Command>npm run accounts -- add eva --role operator --data data/learn</Command>, then{" "}
      <Command>npm run api -- --config data/learn/fleet/config.yaml --set api.port=8081</Command>: the configuration
      that the homes ran with has their budget.
    </>
  );
}
