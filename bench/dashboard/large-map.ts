/**
 * The map of a grid of a thousand nodes. The grid is generated, its state worked out by the code of analytics (samples, estimation,
 * ratings); a fleet of that size is not run: both messages are put in the place of the interface's answers, so that the page gets
 * what it would get.
 */
import type { Page } from "playwright-core";
import { generateRadial, withAssumedRatings } from "../../analytics/grid/index.ts";
import { GridOperation } from "../../analytics/grid/service/operation.ts";
import type { OperationPlan } from "../../analytics/grid/service/plan.ts";
import { topologyMessage } from "../../analytics/grid/service/topology.ts";
import { configSchema } from "../../config/schema.ts";
import type { GridState, GridTopology } from "../../protocol/grid/index.ts";
import { newPage, openPath, type Site, storedSession } from "./browser.ts";

const NODES = 1_000;
const SEED = 1;
const SECONDS = 900;

interface Messages {
  readonly topology: GridTopology;
  readonly state: GridState;
}

/** What the page is given: a topology and a state of a generated grid, as analytics would send them. */
export function messagesOf(nodes: number): Messages {
  const { grid: settings } = configSchema.parse({});
  const grid = withAssumedRatings(generateRadial({ nodes, seed: SEED }));
  const plan: OperationPlan = { grid, assumedRatings: true, shares: [], settings, slotSeconds: SECONDS };
  const time = Date.parse("2025-01-15T18:00:00Z") / 1_000;
  const topology = topologyMessage(plan);
  const { believed, findings, findingsLeftOut } = new GridOperation(plan).scan({
    ...{ time, seconds: SECONDS, loads: [], released: [], faults: [] },
  });
  if (believed === undefined) throw new Error(`no state was found for the generated grid of ${nodes} nodes`);
  const state: GridState = {
    ...believed,
    ...{ case: topology.case, topology: topology.digest, sequence: 1, publishedAt: time, source: "simulated" },
    loads: { source: "case", slotStart: null, feeders: 0, factor: 1, stale: false },
    ...{ assumedRatings: true, switching: null, findings: [...findings], findingsLeftOut },
  };
  return { topology, state };
}

export interface MapFrames {
  readonly nodes: number;
  readonly branches: number;
  readonly stateBytes: number;
  /** All of it on the screen, arrows running. */
  readonly wholeFps: number;
  /** Drawn anew in each frame while one drags it, four times as close. */
  readonly draggedFps: number;
  /** Of the arrows alone: the share of a frame that the page's own code takes. */
  readonly longestFrameMilliseconds: number;
}

export async function mapFrames(site: Site, quick: boolean, shot: (page: Page) => Promise<void>): Promise<MapFrames> {
  const { topology, state } = messagesOf(NODES);
  const session = await storedSession(site, "operator");
  const page = await newPage(site, { ...session, reducedMotion: "no-preference" });
  const json = (body: unknown) => ({ contentType: "application/json", body: JSON.stringify(body) });
  await page.route("**/grid/topology", (route) => route.fulfill(json(topology)));
  await page.route("**/grid/state", (route) => route.fulfill(json(state)));
  // States of the fleet's own grid would take its place.
  await page.route("**/events*", (route) => route.abort());
  await openPath(page, site.address, "/grid");
  const map = page.getByRole("application", { name: "Map of the grid" });
  await map.scrollIntoViewIfNeeded();
  await shot(page);
  const milliseconds = quick ? 1_000 : 5_000;
  const whole = await frames(page, milliseconds);
  for (let i = 0; i < 4; i++) await page.getByRole("button", { name: "Closer" }).click();
  const box = await map.boundingBox();
  if (box === null) throw new Error("the page shows no map");
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await page.mouse.move(middle.x, middle.y);
  await page.mouse.down();
  const counted = frames(page, milliseconds);
  let dragging = true;
  const drag = async (): Promise<void> => {
    for (let step = 0; dragging; step++) {
      await page.mouse.move(middle.x + 150 * Math.sin(step / 15), middle.y + 100 * Math.cos(step / 15));
    }
  };
  const dragged = drag();
  const moved = await counted;
  dragging = false;
  await dragged;
  await page.mouse.up();
  await page.context().close();
  return {
    ...{ nodes: topology.buses.length, branches: topology.branches.length },
    ...{ stateBytes: JSON.stringify(state).length, wholeFps: whole.fps, draggedFps: moved.fps },
    longestFrameMilliseconds: whole.longest,
  };
}

/** Frames that the browser asks the page for in a while; those that it leaves out are not counted. */
async function frames(page: Page, milliseconds: number): Promise<{ fps: number; longest: number }> {
  return page.evaluate<{ fps: number; longest: number }>(`new Promise((done) => {
    const begun = performance.now();
    let [count, last, longest] = [0, begun, 0];
    const frame = () => {
      const now = performance.now();
      count += 1;
      longest = Math.max(longest, now - last);
      last = now;
      if (now - begun < ${milliseconds}) requestAnimationFrame(frame);
      else done({ fps: (1000 * count) / (now - begun), longest });
    };
    requestAnimationFrame(frame);
  })`);
}
