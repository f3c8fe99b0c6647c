/** The dashboard in a browser, over a fleet of real processes: who sees which page, live values, receipts, alerts. */
// needs: chromium
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { FleetBed } from "../fleet/testing/bed.ts";
import { assertAccessible, assertFits, type DemoRole, openBrowser, passwordsOf, signedIn } from "./testing/browser.ts";

const RULES = join(import.meta.dirname, "testing/rules.yaml");

/** What each role is offered, in order: written out by hand once more. */
const GRID = ["Map", "Losses", "Forecast", "Maintenance", "Alerts"];
const OFFERED: Record<DemoRole, readonly string[]> = {
  customer: ["Overview", "Billing", "Ciphertext results", "Learning", "Who sees what", "Public log"],
  operator: ["Overview", ...GRID, "Ciphertext results", "Learning", "Who sees what", "Rounds", "Public log"],
  auditor: [
    ...["Overview", "Billing", ...GRID, "Ciphertext results", "Learning", "Who sees what", "Rounds", "Public log"],
    "Accounts and audit",
  ],
  admin: [
    ...["Overview", ...GRID, "Ciphertext results", "Learning", "Who sees what", "Rounds", "Public log"],
    "Accounts and audit",
  ],
};

/** One page of each make; each scan takes a second. */
const SCANNED = ["/", "/learning", "/who-sees-what", "/accounts"];

/** Problems that a page expects and explains: the browser notes each in its console. */
const EXPECTED = /status of (404|503)/;

async function offered(page: Page): Promise<string[]> {
  const texts = await page.getByRole("navigation", { name: "Pages" }).locator("li a").allInnerTexts();
  // Beside a title its count may stand.
  return texts.map((text) => text.split("\n")[0]!);
}

test("the dashboard of a running fleet", async (t) => {
  const bed = await FleetBed.create(t, {
    set: { "api.enabled": true, "api.port": 0, "alerts.lookSeconds": 0.2, "alerts.rules": RULES },
  });
  await bed.fleet.start();
  const address = bed.fleet.api?.address ?? assert.fail("the fleet has no HTTP interface");
  const browser = await openBrowser();
  t.after(() => browser.close());
  const passwords = passwordsOf(bed.data);
  const as = async (role: DemoRole, options = {}) =>
    signedIn(browser, address, { role, password: passwords.get(role)!, ...options });
  const operator = await as("operator");

  await t.test("a value changes on the screen when the fleet has released a load", async () => {
    const load = operator.page.locator("[data-stat=load] .value");
    assert.equal(await load.innerText(), "–");
    await bed.fleet.run();
    const outcome = await bed.outcome();
    assert.equal(outcome.complete && outcome.billsExact, true, JSON.stringify(outcome));
    await operator.page.locator("[data-stat=load] .value", { hasText: /W$/ }).waitFor();
    assert.match(await load.innerText(), /^[\d.,]+kW$/);
  });

  await t.test("each role is offered its pages, and they have no barriers", async () => {
    for (const role of ["customer", "auditor", "admin"] as const) {
      const { page, faults, open } = await as(role);
      assert.deepEqual(await offered(page), OFFERED[role], role);
      if (role !== "auditor") {
        await page.context().close();
        continue;
      }
      // The auditor sees all that there is.
      for (const link of await page.getByRole("navigation", { name: "Pages" }).locator("li a").all()) {
        const path = ((await link.getAttribute("href")) ?? "").replace("/app", "");
        await open(path);
        if (SCANNED.includes(path)) await assertAccessible(page, path);
        // Its accounts came with the demonstration: somebody has added them.
        if (path === "/accounts") await page.getByRole("cell", { name: "set-up" }).first().waitFor();
      }
      assert.deepEqual(
        faults.filter((fault) => !EXPECTED.test(fault)),
        [],
      );
      await page.context().close();
    }
    assert.deepEqual(await offered(operator.page), OFFERED.operator);
    await operator.open("/bills");
    await operator.page.getByText("There is no such page for you").waitFor();
  });

  await t.test("a customer verifies the receipt of a bill in the browser, and a forged one fails", async () => {
    const { page, faults, open } = await as("customer", { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
    await open("/bills");
    await assertFits(page, "bills");
    await page.locator("tbody a").first().click();
    await page.getByRole("button", { name: "Verify in this browser" }).click();
    await page.getByText("The receipt holds").waitFor();
    await page.getByRole("button", { name: "Try a forged one" }).click();
    await page.getByText("The forged receipt is refused.").waitFor();
    await page.getByText("the log has committed to something else").waitFor();
    await assertFits(page, "a bill");
    await assertAccessible(page, "a bill, dark");
    // Another log's policy must not do.
    await page.getByText("Against a key of your own").click();
    await page.getByLabel("Policy of the log").fill("log nothing");
    await page.getByRole("button", { name: "Verify in this browser" }).click();
    await page.getByText("This receipt proves nothing.").waitFor();
    assert.deepEqual(faults, []);
    await page.context().close();
  });

  await t.test("an operator acknowledges an alert, and everybody sees that", async () => {
    const { page, open } = operator;
    await open("/alerts");
    await page
      .getByRole("button", { name: /^Acknowledge: a load of feeder/ })
      .first()
      .click();
    await page.getByText("acknowledged").first().waitFor();
    await page
      .getByRole("link", { name: /a load of feeder/ })
      .first()
      .click();
    await page.getByText("by operator").waitFor();
    await assertAccessible(page, "an alert");
  });

  await t.test(
    "on a phone a row of a wide table becomes lines, each with its column's name, and nothing is cut",
    async () => {
      const { page, open } = operator;
      await page.setViewportSize({ width: 390, height: 844 });
      // What stands in place of something that is missing is not too wide either.
      for (const path of ["/learning", "/forecast", "/alerts"]) {
        await open(path);
        await assertFits(page, path);
      }
      await open("/rounds");
      const row = page.getByRole("table", { name: "Rounds" }).getByRole("row").nth(1);
      await row.getByRole("cell").first().waitFor();
      const box = await row.boundingBox();
      assert.ok(box !== null && box.x >= 0 && box.x + box.width <= 390, JSON.stringify(box));
      const names = await page.evaluate<string[]>(
        "[...document.querySelectorAll('.stacked tbody tr:first-child td')].filter((cell) => getComputedStyle(cell).display !== 'none').slice(1).map((cell) => getComputedStyle(cell, '::before').content)",
      );
      assert.deepEqual(names, ['"Feeder"', '"From"', '"To"', '"Sets"', '"Proved meters"', '"Status"']);
      await assertFits(page, "rounds");
      await assertAccessible(page, "rounds on a phone");
      await page.setViewportSize({ width: 1_440, height: 900 });
    },
  );

  await t.test("one reading is followed from the home to the sum", async () => {
    const { page, open } = operator;
    await open("/who-sees-what");
    const at = (party: string) => page.locator(`[data-party=${party}]`);
    await at("broker").getByText("nothing of it yet").waitFor();
    for (let step = 0; step < 5; step++) await page.getByRole("button", { name: "Next step" }).click();
    const sealed = await at("broker").locator("code").allInnerTexts();
    for (const text of sealed) assert.match(text, /^…[0-9a-f]{48}$/);
    assert.equal(new Set(sealed).size, 3, "no two look alike");
    assert.match(await at("aggregators").locator("code").first().innerText(), /^\d+$/);
    const reading = await at("home").locator("strong").first().innerText();
    await page.getByLabel("a-1").check();
    await page.getByText("Nothing is learned").waitFor();
    await page.getByLabel("a-3").check();
    await page.getByText("The reading is open").waitFor();
    // The first of those that went in one message.
    await page.getByText(`shares give ${reading.split(",")[0] ?? ""}`).waitFor();
  });

  assert.deepEqual(
    operator.faults.filter((fault) => !EXPECTED.test(fault)),
    [],
  );
});
