import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FolderError, makeFolder, makeFolders } from "./folders.ts";

function folderOf(t: { after: (work: () => void) => void }): string {
  const folder = mkdtempSync(join(tmpdir(), "wv-folders-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function refused(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof FolderError && message.test(error.message);
}

test("makes what is missing on the way, with the mode, and nothing where all is there", (t) => {
  const folder = folderOf(t);
  const deep = join(folder, "a", "b", "c");
  assert.deepEqual(makeFolder(deep, { mode: 0o700 }), [join(folder, "a"), join(folder, "a", "b"), deep]);
  assert.equal(statSync(join(folder, "a")).mode & 0o777, 0o700);
  assert.deepEqual(makeFolder(deep), []);
});

test("ends where the system keeps no folders, naming the setting and the folder", () => {
  const message =
    /^paths\.data: \/proc\/foo\/bar cannot be made in \/proc: the system keeps no folders there \(ENOENT\)$/;
  assert.throws(() => makeFolder("/proc/foo/bar", { setting: "paths.data" }), refused(message));
});

test("refuses a file on the way, and a link that leads nowhere", (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "file"), "");
  symlinkSync(join(folder, "nowhere"), join(folder, "link"));
  assert.throws(
    () => makeFolder(join(folder, "file", "in")),
    refused(/file\/in cannot be made in .*\((EEXIST|ENOTDIR)\)/),
  );
  assert.throws(() => makeFolder(join(folder, "link")), refused(/link cannot be made in .*\(EEXIST\)/));
});

test("leaves nothing of what it had made when a later step fails", (t) => {
  const folder = folderOf(t);
  assert.throws(() => makeFolder(join(folder, "a", "b".repeat(300))), FolderError);
  const wanted = [join(folder, "data", "deep"), join(folder, "results"), "/proc/foo"].map((one) => ({ folder: one }));
  assert.throws(() => makeFolders(wanted), FolderError);
  assert.deepEqual(readdirSync(folder), []);
  makeFolders(wanted.slice(0, 2));
  assert.ok(existsSync(join(folder, "data", "deep")) && existsSync(join(folder, "results")));
});
