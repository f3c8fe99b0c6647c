/**
 * Files of which others, and whoever starts after a power cut, see all or nothing.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import { randomUUID } from "node:crypto";
import { open, readFile, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** In a folder: its files and their sizes. */
const LIST = "whole.json";

/**
 * Others may make the same file at the same time, also in this process.
 * @param {string} file
 * @param {string | Uint8Array} contents
 */
export async function writeWhole(file, contents) {
  const partial = `${file}.${randomUUID()}`;
  try {
    await writeFile(partial, contents, { flush: true });
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/**
 * To be called before a folder gets its name: what is in it is on the disk then, and listed.
 * @param {string} folder
 */
export async function settleFolder(folder) {
  /** @type {Record<string, number>} */
  const sizes = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const handle = await open(file, "r+");
    try {
      await handle.sync();
      sizes[file.slice(folder.length + 1)] = (await handle.stat()).size;
    } finally {
      await handle.close();
    }
  }
  await writeWhole(join(folder, LIST), JSON.stringify(sizes));
}

/**
 * Whether a folder is there with all that it was settled with.
 * @param {string} folder
 */
export async function isWhole(folder) {
  try {
    /** @type {Record<string, number>} */
    const sizes = JSON.parse(await readFile(join(folder, LIST), "utf8"));
    const same = Object.entries(sizes).map(async ([file, size]) => (await stat(join(folder, file))).size === size);
    return (await Promise.all(same)).every(Boolean);
  } catch {
    return false;
  }
}
