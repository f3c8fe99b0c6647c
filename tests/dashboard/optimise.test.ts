/** An operator asks for better switches in the browser, over a fleet of real processes: what would change shows on the map, with the gap. */
// needs: chromium
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import type { GridTopology, Optimised } from "../../protocol/grid/index.ts";
import { FleetBed } from "../fleet/testing/bed.ts";
import { assertAccessible, openBrowser, passwordsOf, signedIn } from "./testing/browser.ts";

/** Pixels around the drawing, and of the ring around a switch that is to be operated: written out by hand once more. */
const MARGIN = 44;
const RING = 9;
/** Where on its branch a ring may be, so that it lies upon no bus. */
const ALONG = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74];
/** Of eight points of a ring; something may be drawn upon a part of it. */
const ENOUGH = 5;

type Colour = readonly [number, number, number];

interface Painted {
  readonly rings: readonly (readonly { readonly at: readonly [number, number]; readonly ring: readonly Colour[] }[])[];
  readonly bad: Colour;
  readonly accent: Colour;
}

/** Branches with a ring on them, by its colour, and how many rings there are. */
async function ringsOf(page: Page, { buses, branches }: GridTopology) {
  const place = new Map(buses.map(({ id, x, y }) => [id, { x, y }]));
  const spots = branches.map(({ from, to }) => {
    const [a, b] = [place.get(from)!, place.get(to)!];
    return ALONG.map((t) => ({ x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) }));
  });
  const painted = await page.evaluate<Painted>(`(() => {
    const canvas = document.querySelector(".map-box canvas");
    const { width, height } = canvas.getBoundingClientRect();
    const pen = canvas.getContext("2d");
    const named = (name) => {
      const probe = document.createElement("span");
      document.body.append(probe);
      probe.style.color = "var(--" + name + ")";
      const [r, g, b] = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
      probe.remove();
      return [r, g, b];
    };
    return {
      bad: named("bad"),
      accent: named("accent"),
      rings: ${JSON.stringify(spots)}.map((along) => along.map(({ x, y }) => {
        const at = [${MARGIN} + x * (width - 2 * ${MARGIN}), ${MARGIN} + y * (height - 2 * ${MARGIN})];
        const ring = [0, 1, 2, 3, 4, 5, 6, 7].map((eighth) => {
          const turned = (eighth * Math.PI) / 4;
          const [px, py] = [at[0] + ${RING} * Math.cos(turned), at[1] + ${RING} * Math.sin(turned)];
          return [...pen.getImageData(Math.round(px), Math.round(py), 1, 1).data].slice(0, 3);
        });
        return { at, ring };
      })),
    };
  })()`);
  const near = (a: Colour, b: Colour): boolean => a.every((value, i) => Math.abs(value - b[i]!) < 40);
  const rings = (colour: Colour): { ids: number[]; count: number } => {
    const found = branches.flatMap(({ id }, i) =>
      painted.rings[i]!.flatMap(({ at, ring }) =>
        ring.filter((one) => near(one, colour)).length >= ENOUGH ? [{ id, at }] : [],
      ),
    );
    // Where branches cross, one ring lies on both.
    const apart = found.filter(
      ({ at: [x, y] }, i) => !found.slice(0, i).some(({ at }) => Math.hypot(at[0] - x, at[1] - y) < RING),
    );
    return { ids: [...new Set(found.map(({ id }) => id))], count: apart.length };
  };
  return { opens: rings(painted.bad), closes: rings(painted.accent) };
}

test("an operator asks for better switches: the changes are marked on the map, and the gap to the optimum is shown", async (t) => {
  const bed = await FleetBed.create(t, {
    set: {
      "api.enabled": true,
      "api.port": 0,
      "grid.enabled": true,
      "grid.optimiseSeconds": 0,
      "grid.scanSeconds": 1,
    },
  });
  await bed.fleet.start();
  const address = bed.fleet.api?.address ?? assert.fail("the fleet has no HTTP interface");
  const browser = await openBrowser();
  t.after(() => browser.close());
  const password = passwordsOf(bed.data).get("operator")!;
  const { page, open, faults } = await signedIn(browser, address, { role: "operator", password });
  // The page asks again until analytics is there.
  const asked = page.waitForResponse((answer) => answer.url().endsWith("/grid/topology") && answer.ok());
  await open("/grid");
  const topology = (await (await asked).json()) as GridTopology;
  await page.locator("[data-stat=input]").waitFor();
  const before = await ringsOf(page, topology);
  assert.deepEqual([before.opens.count, before.closes.count], [0, 0], "before anybody has asked");

  const answer = page.waitForResponse((one) => one.url().endsWith("/grid/optimize"));
  await page.getByRole("button", { name: "Find" }).click();
  const found = (await (await answer).json()) as Optimised;
  const card = page.locator("[data-optimised=policy]");
  await card.waitFor();
  assert.ok(found.toOpen.length > 0 && found.toOpen.length === found.toClose.length, JSON.stringify(found));
  assert.match(
    await card.innerText(),
    new RegExp(`Open ${found.toOpen.join(", ")}, close ${found.toClose.join(", ")}`),
  );
  assert.match(await card.locator("[data-gap]").innerText(), /^the gap to it is \d+\.\d\d %\.$/);
  assert.match(await card.innerText(), /The certified optimum costs [\d.,]+ kW/);
  await page.getByText("Proposed: open, close").waitFor();
  const { opens, closes } = await ringsOf(page, topology);
  assert.deepEqual([opens.count, closes.count], [found.toOpen.length, found.toClose.length]);
  for (const id of found.toOpen) assert.ok(opens.ids.includes(id), `branch ${id} is to be opened: ${opens.ids.join()}`);
  for (const id of found.toClose)
    assert.ok(closes.ids.includes(id), `branch ${id} is to be closed: ${closes.ids.join()}`);
  await assertAccessible(page, "the map with a proposal");
  assert.deepEqual(
    faults.filter((fault) => !fault.includes("status of 503")),
    [],
  );
});
