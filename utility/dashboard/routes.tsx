/** Which pages there are, and for whom: what a role may not see is not offered. */
import { type ComponentType, lazy, type LazyExoticComponent } from "react";
import type { Role } from "./api/client.ts";
import type { IconName } from "./ui/icon.tsx";
import { Overview } from "./pages/overview.tsx";

export interface PageRoute {
  readonly path: string;
  readonly title: string;
  readonly icon: IconName;
  /** Under which heading; what everybody begins with stands above all. */
  readonly group: "Start" | "Grid" | "Privacy" | "System";
  readonly roles: readonly Role[];
  readonly page: ComponentType | LazyExoticComponent<ComponentType>;
}

const EVERYBODY: readonly Role[] = ["customer", "operator", "auditor", "admin"];
const STAFF: readonly Role[] = ["operator", "auditor", "admin"];

export const ROUTES: readonly PageRoute[] = [
  { path: "/", title: "Overview", icon: "overview", group: "Start", roles: EVERYBODY, page: Overview },
  {
    ...{ path: "/bills", title: "Billing", icon: "bills", group: "Start", roles: ["customer", "auditor"] },
    page: lazy(async () => ({ default: (await import("./pages/bills.tsx")).Bills })),
  },
  {
    ...{ path: "/grid", title: "Map", icon: "map", group: "Grid", roles: STAFF },
    page: lazy(async () => ({ default: (await import("./pages/grid-page.tsx")).GridPage })),
  },
  {
    ...{ path: "/losses", title: "Losses", icon: "losses", group: "Grid", roles: STAFF },
    page: lazy(async () => ({ default: (await import("./pages/losses.tsx")).Losses })),
  },
  {
    ...{ path: "/forecast", title: "Forecast", icon: "forecast", group: "Grid", roles: STAFF },
    page: lazy(async () => ({ default: (await import("./pages/forecast.tsx")).Forecast })),
  },
  {
    ...{ path: "/maintenance", title: "Maintenance", icon: "maintenance", group: "Grid", roles: STAFF },
    page: lazy(async () => ({ default: (await import("./pages/maintenance.tsx")).Maintenance })),
  },
  {
    ...{ path: "/alerts", title: "Alerts", icon: "alerts", group: "Grid", roles: STAFF },
    page: lazy(async () => ({ default: (await import("./pages/alerts.tsx")).Alerts })),
  },
  {
    ...{ path: "/analytics", title: "Ciphertext results", icon: "analytics", group: "Privacy", roles: EVERYBODY },
    page: lazy(async () => ({ default: (await import("./pages/analytics.tsx")).Analytics })),
  },
  {
    ...{ path: "/learning", title: "Learning", icon: "learning", group: "Privacy", roles: EVERYBODY },
    page: lazy(async () => ({ default: (await import("./pages/learning.tsx")).Learning })),
  },
  {
    ...{ path: "/who-sees-what", title: "Who sees what", icon: "sees", group: "Privacy", roles: EVERYBODY },
    page: lazy(async () => ({ default: (await import("./pages/who-sees-what.tsx")).WhoSeesWhat })),
  },
  {
    ...{ path: "/rounds", title: "Rounds", icon: "rounds", group: "System", roles: STAFF },
    page: lazy(async () => ({ default: (await import("./pages/rounds.tsx")).Rounds })),
  },
  {
    ...{ path: "/log", title: "Public log", icon: "log", group: "System", roles: EVERYBODY },
    page: lazy(async () => ({ default: (await import("./pages/log.tsx")).Log })),
  },
  {
    ...{
      path: "/accounts",
      title: "Accounts and audit",
      icon: "accounts",
      group: "System",
      roles: ["auditor", "admin"],
    },
    page: lazy(async () => ({ default: (await import("./pages/accounts.tsx")).Accounts })),
  },
];
