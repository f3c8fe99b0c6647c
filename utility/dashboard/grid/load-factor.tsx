/** Says what loads of the grid are multiplied by: a figure of the map is not one of the metered homes alone. */
import type { ReactNode } from "react";
import type { GridState } from "../../../protocol/grid/index.ts";
import { figure } from "../format.ts";

/** "60 times"; undefined where loads count once, or where none of a feeder is in the state. */
export function timesOf(state: Pick<GridState, "loads"> | undefined): string | undefined {
  if (state?.loads.source !== "feeders" || state.loads.factor === 1) return undefined;
  return `${figure(state.loads.factor, 4)} times`;
}

export function LoadFactor({ state }: { readonly state: GridState | undefined }): ReactNode {
  const times = timesOf(state);
  if (times === undefined) return null;
  return (
    <>
      {" "}
      Each released load counts {times}, as metered homes stand for more (<code>grid.loadFactor</code>).
    </>
  );
}
