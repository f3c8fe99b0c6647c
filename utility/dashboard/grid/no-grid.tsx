/** What is shown where analytics cannot be asked about the grid. */
import type { ReactNode } from "react";
import type { ApiError } from "../api/client.ts";
import { Empty } from "../ui/parts.tsx";

export function NoGrid({ error }: { readonly error: ApiError }): ReactNode {
  return (
    <Empty title="Nothing is known of the grid">
      {error.message} Analytics works it out; <code>npm run fleet</code> starts it, <code>grid.case</code> names the
      case.
    </Empty>
  );
}
