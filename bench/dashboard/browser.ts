/** Debian's chromium on a dashboard, without anything of its own: no updates, no sync, a profile that goes with it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** There is no download of another one. */
const CHROMIUM = "/usr/bin/chromium";
const WAIT_MILLISECONDS = 30_000;
const ARGUMENTS = [
  // As root, and in containers, its own sandbox cannot be set up.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export type Role = "customer" | "operator" | "auditor" | "admin";
export type Passwords = ReadonlyMap<string, string>;

/** Each browser has a new folder for its profile, and leaves none. */
export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
}

/** The passwords of a fleet's demonstration, by role. */
export function passwordsIn(data: string): Passwords {
  const { accounts } = JSON.parse(readFileSync(join(data, "fleet", "accounts.json"), "utf8")) as {
    accounts: { role: string; password: string }[];
  };
  return new Map(accounts.map(({ role, password }) => [role, password]));
}

export interface Site {
  readonly browser: Browser;
  /** `http://127.0.0.1:8080` */
  readonly address: string;
  readonly passwords: Passwords;
}

/** A page with cookies of its own, on which nobody is signed in yet. */
export async function newPage({ browser }: Pick<Site, "browser">, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1_440, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MILLISECONDS);
  return page;
}

/** Fills in the form that the page shows; the accounts of the demonstration are called as their roles. */
export async function signIn(page: Page, role: Role, { passwords }: Pick<Site, "passwords">): Promise<void> {
  const password = passwords.get(role);
  if (password === undefined) throw new Error(`the demonstration has no account of a ${role}`);
  await page.getByLabel("Name").fill(role);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
}

/** Signed in already: one sign-in for each role, since the interface counts them. */
export async function storedSession(site: Site, role: Role): Promise<BrowserContextOptions> {
  const page = await newPage(site, {});
  await page.goto(`${site.address}/app/`);
  await signIn(page, role, site);
  const storageState = await page.context().storageState();
  await page.context().close();
  return { storageState };
}

/** Opens a page of the dashboard by its address, `/bills`, and waits until nothing of it loads any more. */
export async function openPath(page: Page, address: string, path: string): Promise<void> {
  await page.goto(`${address}/app${path}`);
  await page.locator("h1").first().waitFor();
  await settled(page);
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))");
}

/** Nothing is loading, and every chart is drawn: by a file that comes when the first one is there. */
export async function settled(page: Page): Promise<void> {
  for (const unfinished of [".skeleton", ".chart-box:not(:has(canvas))"]) {
    await page.locator(unfinished).first().waitFor({ state: "detached" });
  }
}
