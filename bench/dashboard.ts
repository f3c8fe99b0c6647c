/**
 * The dashboard in a browser, over a real small fleet or one that runs: how soon a changed value is on the screen, frames per second
 * of a large map, bytes of the first page, and pictures of every page.
 */
import { join } from "node:path";
import { createProgress, renderTable } from "../config/runtime/terminal.ts";
import type { BenchOptions } from "./bench.ts";
import { openBrowser, passwordsIn, type Site } from "./dashboard/browser.ts";
import { type FirstPage, firstPage } from "./dashboard/first-page.ts";
import { freshness, type Spread } from "./dashboard/freshness.ts";
import { mapFrames, type MapFrames } from "./dashboard/large-map.ts";
import { pictureCount, type Pictures, takePictures } from "./dashboard/screenshots.ts";
import { type SmallFleet, startSmallFleet } from "./dashboard/small-fleet.ts";
import { duration, figure, type Row } from "./words.ts";

interface Result {
  /** Of the fleet that was started; null for one that ran already. */
  readonly fleet: { readonly meters: number; readonly feeders: number } | null;
  readonly first: FirstPage;
  /** Null where a fleet of somebody else is looked at: nothing is fed into that. */
  readonly loadToScreenMilliseconds: Spread | null;
  readonly stateToScreenMilliseconds: Spread | null;
  readonly map: MapFrames;
  readonly pictures: Pictures;
}

export async function run(options: BenchOptions): Promise<Record<string, unknown>> {
  const { json, quick, address, data, results } = options;
  const note = (text: string): void => {
    if (!json) process.stderr.write(`${text}\n`);
  };
  let fleet: SmallFleet | undefined;
  if (address === undefined) {
    note("starting a small fleet");
    fleet = await startSmallFleet(quick);
  }
  const browser = await openBrowser();
  try {
    const site: Site = {
      browser,
      address: fleet?.address ?? address ?? "",
      passwords: passwordsIn(fleet?.data ?? data),
    };
    await built(site);
    note("changing values");
    const fresh = fleet === undefined ? { load: null, state: null } : await freshness(site, fleet, fleet.run);
    note("the first page");
    const first = await firstPage(site);
    const folder = join(results, "dashboard");
    const bar = createProgress({ label: "pictures", total: pictureCount(quick), silent: json });
    const pictures = await takePictures(site, folder, { quick, told: (done) => bar.update(done) });
    bar.stop();
    note("the map of a thousand nodes");
    const map = await mapFrames(site, quick, async (page) => {
      await page.screenshot({ path: join(folder, "map-1000.png") });
    });
    const result: Result = {
      fleet: fleet === undefined ? null : { meters: fleet.meters, feeders: fleet.feeders },
      ...{ first, loadToScreenMilliseconds: fresh.load, stateToScreenMilliseconds: fresh.state, map, pictures },
    };
    if (!json) process.stdout.write(`${describe(result)}\n`);
    return { ...result };
  } finally {
    await browser.close();
    await fleet?.stop();
  }
}

/** The first request has the pages built, and whoever asks meanwhile is told to wait: that is not what is measured. */
async function built({ address }: Site): Promise<void> {
  for (;;) {
    const answer = await fetch(`${address}/app/`).catch((error: unknown) => {
      throw new Error(`no dashboard answers at ${address}/app/`, { cause: error });
    });
    const text = await answer.text();
    if (text.includes('id="root"')) return;
    if (!text.includes("being built")) throw new Error(`${address}/app/ answers with ${answer.status}: ${text}`);
    await new Promise((wake) => setTimeout(wake, 250));
  }
}

function describe({ fleet, first, map, pictures, ...result }: Result): string {
  const spread = (values: Spread | null): string =>
    values === null
      ? "not measured: a fleet of its own is needed"
      : `${figure(values.median)} ms (${figure(values.least)} to ${figure(values.most)}, ${values.values} values)`;
  const kilobytes = (bytes: number): string => `${figure(bytes / 1_000)} kB`;
  const rows: Row[] = [
    [
      "first page, until one can sign in",
      `${kilobytes(first.signInBytes)} on the wire, ${duration(first.signInMilliseconds / 1_000)}`,
    ],
    ["files until the overview is drawn", `${kilobytes(first.filesBytes)} in ${first.files} files`],
    ["answers of the interface meanwhile", kilobytes(first.answersBytes)],
    ["a released load, from MQTT to the screen", spread(result.loadToScreenMilliseconds)],
    ["a state of the grid, from analytics to the screen", spread(result.stateToScreenMilliseconds)],
    [
      `map of ${figure(map.nodes)} nodes, ${figure(map.branches)} branches`,
      `${figure(map.wholeFps, 1)} frames per second`,
    ],
    ["the same, four times as close, dragged", `${figure(map.draggedFps, 1)} frames per second`],
    ["longest frame of the map", duration(map.longestFrameMilliseconds / 1_000)],
    ["pictures", `${pictures.pictures} in ${pictures.folder}`],
    ["wider than the screen", pictures.tooWide.join("; ") || "none"],
    ["unexpected errors in consoles", pictures.faults.join("; ") || "none"],
  ];
  const what = fleet === null ? "a fleet that runs" : `${fleet.meters} meters on ${fleet.feeders} feeders`;
  return renderTable([`dashboard of ${what}`, "result"], rows);
}
