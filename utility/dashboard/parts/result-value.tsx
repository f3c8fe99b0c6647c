/** What came out of a job on ciphertexts, in one figure: lists of results say nothing of their numbers. */
import { queryOptions, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { answered, client, type Item } from "../api/client.ts";
import { headline } from "./headline.ts";

/** A result never changes: it is asked for once. */
function valueOf(job: string) {
  return queryOptions({
    queryKey: ["result-value", job],
    queryFn: async () => answered(client.GET("/analytics/results/{job}", { params: { path: { job } } })),
    staleTime: Infinity,
    select: headline,
  });
}

export function ResultValue({ result }: { readonly result: Pick<Item<"listResults">, "job" | "status"> }): ReactNode {
  const { data } = useQuery({ ...valueOf(result.job), enabled: result.status === "final" });
  return data === undefined ? (
    "–"
  ) : (
    <span className="nowrap">
      {data.value} <span className="muted small">{data.of}</span>
    </span>
  );
}
