/** When scans stop: the last state is told again, and says that it is old. */
import { type GridState, MOST_FINDINGS } from "../../../protocol/grid/index.ts";

export interface Silence {
  /** Since the last scan, and how much of that is put up with. */
  readonly seconds: number;
  readonly limitSeconds: number;
}

/** `publishedAt` in Unix seconds. */
export function staleState(last: GridState, { seconds, limitSeconds }: Silence, publishedAt: number): GridState {
  const known = told(last);
  const stale = { kind: "stale", element: "grid", since: known?.since ?? last.time, scans: (known?.scans ?? 0) + 1 };
  const others = last.findings.filter((finding) => finding !== known);
  const finding = { ...stale, kind: "stale" as const, value: Math.round(seconds), limit: limitSeconds, unit: "s" };
  return { ...last, stale: true, publishedAt, findings: [finding, ...others].slice(0, MOST_FINDINGS) };
}

/** Told once, and again as time goes on, but not with every look. */
export function isSilenceNews(last: GridState, { seconds, limitSeconds }: Silence): boolean {
  const known = told(last);
  return seconds > limitSeconds && (known === undefined || seconds >= 2 * known.value);
}

function told({ findings }: GridState): GridState["findings"][number] | undefined {
  return findings.find(({ kind, element }) => kind === "stale" && element === "grid");
}
