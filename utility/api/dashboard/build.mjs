/**
 * Builds the dashboard into node_modules/.cache, and again whenever one of its sources has changed; prints where it is.
 * `node utility/api/dashboard/build.mjs`: the HTTP interface runs it when it starts, as a process of its own, so that a
 * server that runs for months does not keep a compiler in memory.
 *
 * JavaScript, because it has nothing to compile before it can begin.
 */
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import process from "node:process";
import { brotliCompressSync, constants } from "node:zlib";
import { CACHE, ROOT, currentSources, stampOf, writeSources } from "../../../config/runtime/compile.mjs";

const SOURCES = join(ROOT, "utility/dashboard");
/** Where the server has it: the rest of the addresses are the interface's. */
const BASE = "/app/";
const FOLDER = join(CACHE, "dashboard");
const ALWAYS = ["utility/api/dashboard/build.mjs", "utility/dashboard/index.html", "package-lock.json"];
const COMPRESSED = /\.(js|css|html|svg)$/;

/** What of `node:crypto` the check of receipts needs, for browsers. */
const BROWSER_CRYPTO = join(SOURCES, "receipts/node-crypto.ts");

/** @param {string} folder */
async function build(folder) {
  // Vite's own process.env decides which React is built in.
  process.env["NODE_ENV"] = "production";
  const [{ build: vite }, { default: react }] = await Promise.all([import("vite"), import("@vitejs/plugin-react")]);
  /** @type {Record<string, string>} */
  const sources = {};
  await vite({
    configFile: false,
    root: SOURCES,
    base: BASE,
    logLevel: "error",
    define: { global: "globalThis" },
    resolve: { alias: { "node:crypto": BROWSER_CRYPTO } },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: "es2022",
      // Without it an old browser would be asked to run an inline script, which the server forbids.
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 1_000,
      reportCompressedSize: false,
    },
    plugins: [
      react(),
      {
        name: "wattveil-sources",
        async generateBundle() {
          const ids = [...this.getModuleIds()].map((id) => id.split("?")[0] ?? "");
          const own = ids
            .filter((id) => id.startsWith(ROOT) && !id.includes("node_modules"))
            .map((id) => relative(ROOT, id));
          for (const file of new Set([...ALWAYS, ...own])) sources[file] = stampOf(file);
        },
      },
    ],
  });
  return sources;
}

/** A browser that takes brotli is sent what is compressed once, as well as it goes. @param {string} folder */
async function compress(folder) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !COMPRESSED.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    const text = await readFile(file);
    await writeFile(`${file}.br`, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
  }
}

if ((await currentSources(FOLDER)) === undefined) {
  const made = `${FOLDER}.${process.pid}`;
  const before = `${made}.before`;
  await mkdir(CACHE, { recursive: true });
  const sources = await build(made);
  await compress(made);
  // Whoever serves it finds the old one or the new one; two that build at a time build the same.
  await rename(FOLDER, before).catch(() => undefined);
  await rename(made, FOLDER).catch(() => undefined);
  await writeSources(FOLDER, sources);
  await Promise.all([made, before].map((path) => rm(path, { recursive: true, force: true })));
}
process.stdout.write(`${FOLDER}\n`);
