/** What crosses the wire for the first page, as the browser counts it: compressed, with headers. */
import type { Page } from "playwright-core";
import { newPage, settled, signIn, type Site } from "./browser.ts";

export interface FirstPage {
  /** Until one can sign in, by a browser that was never here. */
  readonly signInBytes: number;
  /** Until the overview with its chart is drawn: all files, the ones before among them. */
  readonly filesBytes: number;
  /** What the interface answered meanwhile. */
  readonly answersBytes: number;
  readonly files: number;
  readonly signInMilliseconds: number;
}

export async function firstPage(site: Site): Promise<FirstPage> {
  const page = await newPage(site, {});
  const traffic = await countTraffic(page);
  const begun = performance.now();
  await page.goto(`${site.address}/app/`);
  await page.getByLabel("Password").waitFor();
  const signInMilliseconds = performance.now() - begun;
  await page.waitForLoadState("load");
  await page.evaluate("document.fonts.ready.then(() => 0)");
  const signInBytes = traffic().files;
  await signIn(page, "auditor", site);
  await page.locator(".chart-box canvas").first().waitFor();
  await settled(page);
  const { files, answers, count } = traffic();
  await page.context().close();
  return { signInBytes, filesBytes: files, answersBytes: answers, files: count, signInMilliseconds };
}

/** Bytes on the wire so far, files of the dashboard and answers of the interface apart. */
async function countTraffic(page: Page): Promise<() => { files: number; answers: number; count: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const kinds = new Map<string, "files" | "answers">();
  const bytes = { files: 0, answers: 0 };
  let count = 0;
  session.on("Network.requestWillBeSent", ({ requestId, request }) => {
    const { pathname } = new URL(request.url);
    kinds.set(requestId, pathname.startsWith("/app/") ? "files" : "answers");
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId);
    if (kind === undefined) return;
    bytes[kind] += encodedDataLength;
    if (kind === "files") count += 1;
  });
  return () => ({ ...bytes, count });
}
