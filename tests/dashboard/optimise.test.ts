/** An operator asks for better switches in the browser, over a fleet of real processes: what would change shows on the map, with the gap. */
// needs: chromium
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import type { GridTopology, Optimised } from "../../protocol/grid/index.ts";
import { FleetBed } from "../fleet/testing/bed.ts";
import { assertAccessible, openBrowser, passwordsOf, signedIn } from "./testing/browser.ts";

/** Pixels around the drawing, and half of the box on a switch that is to be operated: written out by hand once more. */
const MARGIN = 44;
const HALF = 9;
/** Where on its branch a box may be, so that it lies upon no bus. */
const ALONG = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74];
/** On the border of a box, in halves of it; corners are round. */
const BORDER = [
  ...[-0.5, 0, 0.5].flatMap((along) => [
    [along, -1],
    [along, 1],
  ]),
  [-1, 0.5],
  [1, -0.5],
];
/** Of these points; something may be drawn upon a part of them. */
const ENOUGH = 6;
/** Where the lever of a switch passes, straight when it closes, lifted off its contact when it opens, and where none does; in pixels. */
const CLOSED = [-3, 0, 3].map((x) => [x, 0]);
const OPENED = [-3, -4].map((y) => [0, y]);
const EMPTY = [-4, 0, 4].map((x) => [x, 5]);

type Colour = readonly [number, number, number];

interface Box {
  readonly at: readonly [number, number];
  readonly border: readonly Colour[];
  readonly closed: readonly Colour[];
  readonly opened: readonly Colour[];
  readonly empty: readonly Colour[];
}

interface Painted {
  readonly boxes: readonly (readonly Box[])[];
  readonly accent: Colour;
}

/** Branches with a box on them, by what is to be done there, and how many boxes there are. */
async function signsOf(page: Page, { buses, branches }: GridTopology) {
  const place = new Map(buses.map(({ id, x, y }) => [id, { x, y }]));
  const spots = branches.map(({ from, to }) => {
    const [a, b] = [place.get(from)!, place.get(to)!];
    return ALONG.map((t) => ({ x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) }));
  });
  const painted = await page.evaluate<Painted>(`(() => {
    const canvas = document.querySelector(".map-box canvas");
    const { width, height } = canvas.getBoundingClientRect();
    const pen = canvas.getContext("2d");
    const probe = document.createElement("span");
    document.body.append(probe);
    probe.style.color = "var(--accent)";
    const accent = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
    probe.remove();
    return {
      accent,
      boxes: ${JSON.stringify(spots)}.map((along) => along.map(({ x, y }) => {
        const at = [${MARGIN} + x * (width - 2 * ${MARGIN}), ${MARGIN} + y * (height - 2 * ${MARGIN})];
        const colours = (offsets) => offsets.map(([dx, dy]) =>
          [...pen.getImageData(Math.round(at[0] + dx), Math.round(at[1] + dy), 1, 1).data].slice(0, 3));
        const border = colours(${JSON.stringify(BORDER.map((point) => point.map((part) => part * HALF)))});
        return {
          at,
          border,
          closed: colours(${JSON.stringify(CLOSED)}),
          opened: colours(${JSON.stringify(OPENED)}),
          empty: colours(${JSON.stringify(EMPTY)}),
        };
      })),
    };
  })()`);
  const { accent, boxes } = painted;
  const isAccent = (colour: Colour): boolean => colour.every((value, i) => Math.abs(value - accent[i]!) < 60);
  const signs = (what: "opens" | "closes"): { ids: number[]; count: number } => {
    const shows = ({ border, closed, opened, empty }: Box): boolean => {
      if (border.filter(isAccent).length < ENOUGH || empty.some(isAccent)) return false;
      return what === "closes" ? closed.every(isAccent) : opened.some(isAccent) && !closed.every(isAccent);
    };
    const found = branches.flatMap(({ id }, i) => boxes[i]!.filter(shows).map(({ at }) => ({ id, at })));
    // Where branches cross, one box lies on both.
    const apart = found.filter(
      ({ at: [x, y] }, i) => !found.slice(0, i).some(({ at }) => Math.hypot(at[0] - x, at[1] - y) < HALF),
    );
    return { ids: [...new Set(found.map(({ id }) => id))], count: apart.length };
  };
  return { opens: signs("opens"), closes: signs("closes") };
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
  const before = await signsOf(page, topology);
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
  await page.getByText("Proposed, with the line's number: open, close").waitFor();
  const { opens, closes } = await signsOf(page, topology);
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
