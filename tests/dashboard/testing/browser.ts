/** A browser on the dashboard of a running fleet: signs in, counts what goes wrong in the console, scans for barriers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Debian's; there is no download of another one. */
const CHROMIUM = "/usr/bin/chromium";
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const WAIT_MILLISECONDS = 20_000;

export type DemoRole = "customer" | "operator" | "auditor" | "admin";

export async function openBrowser(): Promise<Browser> {
  // As root, and in containers, its own sandbox cannot be set up.
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}

/** The accounts that a fleet has made for its demonstration. */
export function passwordsOf(data: string): ReadonlyMap<string, string> {
  const { accounts } = JSON.parse(readFileSync(join(data, "fleet", "accounts.json"), "utf8")) as {
    accounts: { role: string; name: string; password: string }[];
  };
  return new Map(accounts.map(({ role, password }) => [role, password]));
}

export interface DashboardPage {
  readonly page: Page;
  /** Errors of the console and of scripts, so far. */
  readonly faults: readonly string[];
  /** Opens a page of the dashboard by its address, `/bills`, and waits until nothing loads any more. */
  readonly open: (path: string) => Promise<void>;
}

/** A browser of its own for a role, signed in; the demonstration's accounts are called as their roles. */
export async function signedIn(
  browser: Browser,
  address: string,
  { role, password, ...options }: { role: DemoRole; password: string } & BrowserContextOptions,
): Promise<DashboardPage> {
  const context = await browser.newContext({
    viewport: { width: 1_440, height: 900 },
    reducedMotion: "reduce",
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MILLISECONDS);
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") faults.push(`${message.text()} (${message.location().url})`);
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(`${address}/`);
  await page.getByLabel("Name").fill(role);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
  const open = async (path: string): Promise<void> => {
    await page.goto(`${address}/app${path}`);
    await page.locator("h1#page-title").waitFor();
    await page.getByText("Loading…").first().waitFor({ state: "detached" });
  };
  return { page, faults, open };
}

/** Fails with what axe finds: rules of WCAG 2.2, level AA. */
export async function assertAccessible(page: Page, what: string): Promise<void> {
  // By the debugger, which the page's own rules about scripts do not bind.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(readFileSync(AXE, "utf8"));
  const violations = await page.evaluate<string[]>(`axe.run({
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  }).then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map((n) => n.html).slice(0, 3).join(" ")))`);
  assert.deepEqual(violations, [], what);
}

/** Fails where something is wider than the screen. */
export async function assertFits(page: Page, what: string): Promise<void> {
  const over = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
  assert.ok(Number(over) <= 0, `${what}: ${String(over)} pixels too wide`);
}
