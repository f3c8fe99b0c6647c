/** Pictures of every page at two sizes, light and dark, and what went wrong in their consoles. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import { newPage, openPath, type Role, settled, type Site, storedSession } from "./browser.ts";

const SIZES: Readonly<Record<string, BrowserContextOptions>> = {
  desktop: { viewport: { width: 1_440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true },
};
const COLOURS = ["light", "dark"] as const;

interface Shot {
  readonly name: string;
  readonly path: string;
  /** What is done on the page before the picture is taken. */
  readonly act?: (page: Page) => Promise<void>;
}

/** Follows the first link of a table. */
async function first(page: Page): Promise<void> {
  const link = page.locator("tbody a").first();
  if ((await link.count()) === 0) return;
  await link.click();
  await settled(page);
}

async function optimised(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Find" }).click();
  await page.locator("[data-optimised]").waitFor();
}

async function lastStep(page: Page): Promise<void> {
  for (let step = 0; step < 5; step++) await page.getByRole("button", { name: "Next step" }).click();
  await page.getByLabel("a-1").check();
  await page.getByLabel("a-2").check();
}

const SHOTS: Readonly<Record<Role, readonly Shot[]>> = {
  customer: [
    { name: "overview-customer", path: "/" },
    { name: "bill", path: "/bills", act: first },
  ],
  operator: [
    { name: "overview", path: "/" },
    { name: "map", path: "/grid" },
    { name: "map-optimised", path: "/grid", act: optimised },
    { name: "losses", path: "/losses" },
    { name: "forecast", path: "/forecast" },
    { name: "maintenance", path: "/maintenance" },
    { name: "alerts", path: "/alerts" },
    { name: "alert", path: "/alerts", act: first },
    { name: "ciphertexts", path: "/analytics" },
    { name: "ciphertext", path: "/analytics", act: first },
    { name: "learning", path: "/learning" },
    { name: "who-sees-what", path: "/who-sees-what", act: lastStep },
    { name: "rounds", path: "/rounds" },
    { name: "log", path: "/log" },
  ],
  auditor: [{ name: "bills", path: "/bills" }],
  admin: [{ name: "accounts", path: "/accounts" }],
};

export interface Pictures {
  readonly folder: string;
  readonly pictures: number;
  /** Errors in the consoles that no page expects, each once. */
  readonly faults: readonly string[];
  /** Pages that are wider than the screen. */
  readonly tooWide: readonly string[];
}

/** Problems that a page asks for and explains: nothing was measured, no grid. The browser notes each in its console. */
const EXPECTED = /status of (404|503)/;

export async function takePictures(
  site: Site,
  folder: string,
  { quick, told }: { readonly quick: boolean; readonly told: (done: number) => void },
): Promise<Pictures> {
  mkdirSync(folder, { recursive: true });
  const faults = new Set<string>();
  const tooWide: string[] = [];
  let pictures = 0;
  const watched = (page: Page): Page =>
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text())) faults.add(message.text());
    });
  const take = async (page: Page, name: string): Promise<void> => {
    // A phone's own width grows with what is too wide for it.
    const wide = await page.evaluate<number>("document.documentElement.scrollWidth");
    const over = wide - (page.viewportSize()?.width ?? wide);
    if (over > 0) tooWide.push(`${name}: ${over} pixels`);
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
    told(++pictures);
  };
  const looks = Object.entries(SIZES).flatMap(([size, options]) =>
    COLOURS.map((colorScheme) => ({ look: `${size}-${colorScheme}`, options: { ...options, colorScheme } })),
  );
  const taken = quick ? [looks[0]!, looks.at(-1)!] : looks;
  for (const { look, options } of taken) {
    const page = watched(await newPage(site, { ...options, reducedMotion: "reduce" }));
    await page.goto(`${site.address}/app/`);
    await page.getByLabel("Password").waitFor();
    await take(page, `sign-in-${look}`);
    await page.context().close();
  }
  for (const [role, shots] of Object.entries(SHOTS) as [Role, readonly Shot[]][]) {
    const { storageState } = await storedSession(site, role);
    for (const { look, options } of taken) {
      const page = watched(await newPage(site, { ...options, reducedMotion: "reduce", storageState: storageState! }));
      for (const { name, path, act } of shots) {
        await openPath(page, site.address, path);
        await act?.(page);
        await take(page, `${name}-${look}`);
      }
      await page.context().close();
    }
  }
  return { folder, pictures, faults: [...faults], tooWide };
}

/** As many as `takePictures` takes. */
export function pictureCount(quick: boolean): number {
  const pages = Object.values(SHOTS).flat().length + 1;
  return pages * (quick ? 2 : Object.keys(SIZES).length * COLOURS.length);
}
