/** Line icons, drawn on a grid of 24; always beside words, so that they say nothing alone. */
import type { ReactNode } from "react";

const PATHS = {
  overview: "M4 13h6V4H4zM14 20h6v-9h-6zM4 20h6v-4H4zM14 8h6V4h-6z",
  map: "M5 5a2 2 0 1 0 .1 0M19 9a2 2 0 1 0 .1 0M8 19a2 2 0 1 0 .1 0M7 7l10 3M18 13l-8 7M6 9l2 10",
  losses: "M4 5v14h16M7 9l4 4 3-2 5 6",
  forecast: "M4 19h16M5 15c3 0 4-8 7-8s3 5 7 4",
  maintenance: "M14 6a4 4 0 0 0-5 5l-5 5 3 3 5-5a4 4 0 0 0 5-5l-3 2-2-2z",
  alerts: "M12 4l9 16H3zM12 10v4M12 17v.5",
  bills: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
  analytics: "M6 11V8a6 6 0 0 1 12 0v3M5 11h14v9H5zM12 15v2",
  learning: "M12 4l9 5-9 5-9-5zM6 11v5c3 3 9 3 12 0v-5",
  rounds: "M20 12a8 8 0 1 1-3-6.2M20 4v4h-4",
  log: "M5 4h14v4H5zM5 10h14v4H5zM5 16h14v4H5z",
  sees: "M2 12c4-7 16-7 20 0-4 7-16 7-20 0zM12 9a3 3 0 1 0 .1 0",
  accounts: "M12 4a4 4 0 1 0 .1 0M4 20c1-6 15-6 16 0",
  check: "M5 12l5 5 9-10",
  cross: "M6 6l12 12M18 6L6 18",
  warning: "M12 4l9 16H3zM12 10v4M12 17v.5",
  info: "M12 3a9 9 0 1 0 .1 0M12 11v5M12 8v.5",
  clock: "M12 3a9 9 0 1 0 .1 0M12 7v5l3 2",
  menu: "M4 7h16M4 12h16M4 17h16",
  out: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  sun: "M12 8a4 4 0 1 0 .1 0M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2",
  moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z",
  screen: "M4 5h16v11H4zM9 20h6M12 16v4",
  down: "M12 4v12M7 11l5 5 5-5M5 20h14",
  flask: "M10 3h4M11 3v6l-6 10h14L13 9V3",
  dot: "M12 9a3 3 0 1 0 .1 0",
  play: "M7 5l12 7-12 7z",
  pause: "M8 5v14M16 5v14",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
} as const;
export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }): ReactNode {
  return (
    <svg
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}

export function Logo(): ReactNode {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path d="M18 5 8 18h6l-2 9 11-14h-7z" fill="var(--on-accent)" />
    </svg>
  );
}
