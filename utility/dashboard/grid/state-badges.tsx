/** How far a state of the grid is to be trusted: said on every page that shows one. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import type { GridState } from "../../../protocol/grid/index.ts";
import { health } from "../api/queries.ts";
import { moment } from "../format.ts";
import { isOld } from "../live/live-word.ts";
import { useLive } from "../live/live.tsx";
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
  const old = isOld(useLive().status, useQuery(health).data?.parts.broker, state.stale);
  return (
    <>
      <span className="muted small">{moment(state.time, zone)}</span>
      {state.cutOff.length > 0 && (
        <Badge tone="bad">
          {state.cutOff.length} {state.cutOff.length === 1 ? "bus" : "buses"} without supply
        </Badge>
      )}
      <Badge tone={old ? "plain" : tone} title="How well the samples fit together: not how well the grid is">
        {word}
      </Badge>
      {old && <Badge tone="warn">{state.stale ? "Old: scans have stopped" : "Old: nothing newer can come"}</Badge>}
      {state.simulated && (
        <Badge tone="info" icon="flask">
          Simulated sensors
        </Badge>
      )}
      {state.assumedRatings && <Badge title="The case names no ratings for some branches">Assumed ratings</Badge>}
    </>
  );
}
