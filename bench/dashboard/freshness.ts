/**
 * From a value that has changed to the screen. Released loads are heard on the public MQTT listener, as anyone may, and looked for in the
 * overview; states of the grid carry the time at which analytics sent them, and are looked for on the map's page. A value is
 * on the screen in the frame after the page was changed. All clocks are this machine's.
 */
import mqtt from "mqtt";
import type { Page } from "playwright-core";
import { median } from "../system/usage.ts";
import { newPage, openPath, type Site, storedSession } from "./browser.ts";
import type { SmallFleet } from "./small-fleet.ts";

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly values: number;
}

/** Notes in `window.seen` when which text of an element was on the screen. */
const watch = (selector: string): string => `(() => {
  const element = document.querySelector(${JSON.stringify(selector)});
  window.seen = [];
  new MutationObserver(() => {
    const [text, changed] = [element.textContent, Date.now()];
    requestAnimationFrame(() => setTimeout(() => window.seen.push({ text, changed, at: Date.now() })));
  }).observe(element, { subtree: true, childList: true, characterData: true });
})()`;

interface Seen {
  readonly text: string;
  /** Milliseconds of the wall clock: when the page was changed, and when that was drawn. */
  readonly changed: number;
  readonly at: number;
}

function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  return { median: median(values), least: Math.min(...values), most: Math.max(...values), values: values.length };
}

/** Watches loads and states while `work` goes on; null for what did not change meanwhile. */
export async function freshness(
  site: Site,
  fleet: SmallFleet,
  work: () => Promise<void>,
): Promise<{ readonly load: Spread | null; readonly state: Spread | null }> {
  const session = await storedSession(site, "operator");
  const overview = await newPage(site, session);
  await openPath(overview, site.address, "/");
  await overview.evaluate(watch("[data-stat=load]"));
  const map = await newPage(site, session);
  await openPath(map, site.address, "/grid");
  await map.locator("[data-stat=input]").waitFor();
  await map.evaluate(watch("[data-stat=input]"));
  // Beside the page's own stream: when which state was sent.
  await map.evaluate(`(() => {
    window.sent = [];
    new EventSource("/events?types=grid").addEventListener("grid", ({ data }) => {
      const { topic, message } = JSON.parse(data);
      if (topic.endsWith("/state")) window.sent.push(message.publishedAt * 1000);
    });
  })()`);
  const released = await hearLoads(fleet);
  await work();
  const load = loadsSeen(await seenBy(overview), released.whole(), fleet);
  const sent = await map.evaluate<number[]>("window.sent");
  const state = (await seenBy(map)).flatMap(({ changed, at }) => {
    const newest = sent.findLast((time) => time <= changed);
    return newest === undefined ? [] : [at - newest];
  });
  await released.close();
  await Promise.all([overview, map].map((page) => page.context().close()));
  return { load: spreadOf(load), state: spreadOf(state) };
}

async function seenBy(page: Page): Promise<Seen[]> {
  return page.evaluate<Seen[]>("window.seen");
}

/** When the last feeder's load of each slot came, milliseconds by slot start. */
async function hearLoads({ publicUrl, feeders }: SmallFleet) {
  const heard = new Map<number, number[]>();
  const client = await mqtt.connectAsync(publicUrl);
  client.on("message", (_topic, payload) => {
    const { slotStart, status } = JSON.parse(payload.toString()) as { slotStart: number; status: string };
    if (status !== "final") return;
    heard.set(slotStart, [...(heard.get(slotStart) ?? []), Date.now()]);
  });
  await client.subscribeAsync("wv/1/pub/feeder/+/load", { qos: 1 });
  return {
    whole: (): ReadonlyMap<number, number> =>
      new Map([...heard].flatMap(([slot, times]) => (times.length < feeders ? [] : [[slot, Math.max(...times)]]))),
    close: () => client.endAsync(),
  };
}

/** The overview names the slot that it shows, and how many feeders are in it. */
function loadsSeen(seen: readonly Seen[], released: ReadonlyMap<number, number>, fleet: SmallFleet): number[] {
  const format = new Intl.DateTimeFormat("en-GB", {
    ...{
      timeZone: fleet.timezone,
      day: "numeric",
      month: "short",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
    },
  });
  return [...released].flatMap(([slot, at]) => {
    const told = `${format.format(slot * 1_000)}, ${fleet.feeders} of ${fleet.feeders} feeders`;
    const first = seen.find(({ text }) => text.includes(told));
    return first === undefined ? [] : [first.at - at];
  });
}
