/** What pages ask, by name: one key for each question, so that live events can say which answers are old. */
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { answered, client } from "./client.ts";

const PAGE = 200;

export const system = queryOptions({
  queryKey: ["system"],
  queryFn: async () => answered(client.GET("/system")),
  staleTime: Infinity,
});

/** Whether the server hears of the system at all; nobody tells, so it is asked. */
export const health = queryOptions({
  queryKey: ["health"],
  queryFn: async () => answered(client.GET("/health")),
  refetchInterval: 10_000,
  retry: false,
});

export const feeders = queryOptions({
  queryKey: ["feeders"],
  queryFn: async () => answered(client.GET("/feeders")),
});

/** A feeder's loads over a span of Unix seconds. */
export function loads(feeder: string, from: number, to: number) {
  return queryOptions({
    queryKey: ["loads", feeder, from, to],
    queryFn: async () =>
      answered(
        client.GET("/feeders/{feeder}/loads", { params: { path: { feeder }, query: { from, to, limit: 1_000 } } }),
      ),
    placeholderData: keepPreviousData,
  });
}

export function rounds(status?: string, limit = 50) {
  return queryOptions({
    queryKey: ["rounds", status, limit],
    queryFn: async () =>
      answered(client.GET("/rounds", { params: { query: { limit, ...(status === undefined ? {} : { status }) } } })),
  });
}

export const detections = queryOptions({
  queryKey: ["detections"],
  queryFn: async () => answered(client.GET("/detections", { params: { query: { limit: PAGE } } })),
});

export const bills = queryOptions({
  queryKey: ["bills"],
  queryFn: async () => answered(client.GET("/bills", { params: { query: { limit: PAGE } } })),
});

export function bill(meter: string, period: string) {
  return queryOptions({
    queryKey: ["bill", meter, period],
    queryFn: async () => answered(client.GET("/bills/{meter}/{period}", { params: { path: { meter, period } } })),
  });
}

/** The receipt's text. */
export function receipt(meter: string, period: string) {
  return queryOptions({
    queryKey: ["receipt", meter, period],
    queryFn: async () =>
      answered(client.GET("/bills/{meter}/{period}/receipt", { params: { path: { meter, period } }, parseAs: "text" })),
    retry: false,
  });
}

export const results = queryOptions({
  queryKey: ["results"],
  queryFn: async () => answered(client.GET("/analytics/results", { params: { query: { limit: 100 } } })),
});

export function result(job: string) {
  return queryOptions({
    queryKey: ["result", job],
    queryFn: async () => answered(client.GET("/analytics/results/{job}", { params: { path: { job } } })),
  });
}

export const modelRounds = queryOptions({
  queryKey: ["model-rounds"],
  queryFn: async () => answered(client.GET("/learning/rounds", { params: { query: { limit: PAGE } } })),
});

export const tradeoff = queryOptions({
  queryKey: ["tradeoff"],
  queryFn: async () => answered(client.GET("/learning/tradeoff")),
  retry: false,
});

export const showcase = queryOptions({
  queryKey: ["showcase"],
  queryFn: async () => answered(client.GET("/showcase")),
  retry: false,
  refetchInterval: 4_000,
});

export function logEntries(type: string | undefined, limit: number) {
  return queryOptions({
    queryKey: ["log", type, limit],
    queryFn: async () =>
      answered(client.GET("/log/entries", { params: { query: { limit, ...(type === undefined ? {} : { type }) } } })),
    placeholderData: keepPreviousData,
  });
}

export const checkpoint = queryOptions({
  queryKey: ["checkpoint"],
  queryFn: async () => answered(client.GET("/log/checkpoint", { parseAs: "text" })),
  retry: false,
});

export const policy = queryOptions({
  queryKey: ["policy"],
  queryFn: async () => answered(client.GET("/log/policy", { parseAs: "text" })),
  staleTime: Infinity,
});

export const alerts = queryOptions({
  queryKey: ["alerts"],
  queryFn: async () => answered(client.GET("/alerts", { params: { query: { limit: PAGE } } })),
});

/** All that fire or have fired, and are not over, however many came after them. */
export const openAlerts = queryOptions({
  queryKey: ["alerts", "open"],
  queryFn: async () => answered(client.GET("/alerts", { params: { query: { state: "open", limit: 1_000 } } })),
});

export const alertRules = queryOptions({
  queryKey: ["alert-rules"],
  queryFn: async () => answered(client.GET("/alerts/rules")),
  staleTime: Infinity,
});

export function alert(id: string) {
  return queryOptions({
    queryKey: ["alerts", id],
    queryFn: async () => answered(client.GET("/alerts/{id}", { params: { path: { id } } })),
  });
}

export const accounts = queryOptions({
  queryKey: ["accounts"],
  queryFn: async () => answered(client.GET("/accounts")),
});

export const audit = queryOptions({
  queryKey: ["audit"],
  queryFn: async () => answered(client.GET("/audit", { params: { query: { limit: 100 } } })),
});
