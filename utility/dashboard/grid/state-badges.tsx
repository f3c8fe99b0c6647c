/** How far a state of the grid is to be trusted: said on every page that shows one. */
import type { ReactNode } from "react";
import type { GridState } from "../../../protocol/grid/index.ts";
import { moment } from "../format.ts";
import { Badge, type Tone } from "../ui/parts.tsx";
import { useZone } from "../ui/use-zone.ts";

const STATUS: Record<GridState["status"], readonly [Tone, string]> = {
  trusted: ["good", "Trusted"],
  suspect: ["warn", "Suspect"],
  unobservable: ["warn", "Not observable"],
  failed: ["bad", "No state fits"],
};

export function StateBadges({ state }: { readonly state: GridState }): ReactNode {
  const zone = useZone();
  const [tone, word] = STATUS[state.status];
  return (
    <>
      <span className="muted small">{moment(state.time, zone)}</span>
      {state.cutOff.length > 0 && (
        <Badge tone="bad">
          {state.cutOff.length} {state.cutOff.length === 1 ? "bus" : "buses"} without supply
        </Badge>
      )}
      <Badge tone={tone} title="How well the samples fit together: not how well the grid is">
        {word}
      </Badge>
      {state.stale && <Badge tone="warn">Old: scans have stopped</Badge>}
      {state.simulated && (
        <Badge tone="info" icon="flask">
          Simulated sensors
        </Badge>
      )}
      {state.assumedRatings && <Badge title="The case names no ratings for some branches">Assumed ratings</Badge>}
    </>
  );
}
