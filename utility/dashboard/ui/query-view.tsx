/** Shows the answer of a question, or that it is on its way, or why there is none. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ApiError } from "../api/client.ts";
import { Button, Empty, Notice } from "./parts.tsx";

export interface QueryViewProps<T> {
  readonly query: UseQueryResult<T>;
  readonly children: (data: T) => ReactNode;
  /** Instead of a fault whose code it knows. */
  readonly missing?: (error: ApiError) => ReactNode;
}

export function QueryView<T>({ query, children, missing }: QueryViewProps<T>): ReactNode {
  const { data, error, isPending, refetch } = query;
  if (data !== undefined) return children(data);
  if (isPending) {
    return (
      <div className="skeleton" role="status">
        Loading…
      </div>
    );
  }
  const known = error instanceof ApiError ? error : undefined;
  if (error === null) return null;
  const instead = known === undefined ? undefined : (missing?.(known) ?? usual(known));
  if (instead !== undefined) return instead;
  return (
    <Notice tone="bad">
      <p>{error.message}</p>
      <p>
        <Button size="small" onClick={() => void refetch()}>
          Try again
        </Button>
      </p>
    </Notice>
  );
}

function usual(error: ApiError): ReactNode {
  if (error.code === "not-begun") {
    return (
      <Empty title="The utility has not begun yet">
        Nothing is in its database. <code>npm run fleet</code> starts a simulated one.
      </Empty>
    );
  }
  if (error.code === "no-such-route") {
    return <Empty title="This server does not offer this">It is older than the dashboard.</Empty>;
  }
  return undefined;
}
