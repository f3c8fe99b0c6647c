import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { canMount, Disks, unmountUnder } from "./disks.ts";

const isMountable = canMount();

test("a small disk takes over what is there, is full and has room again, and leaves everything behind", {
  skip: isMountable ? false : "no disk may be mounted here",
}, (t) => {
  const data = mkdtempSync(join(tmpdir(), "wattveil-disks-"));
  t.after(() => {
    unmountUnder(data);
    rmSync(data, { recursive: true, force: true });
  });
  const folder = join(data, "a-1");
  mkdirSync(folder);
  writeFileSync(join(folder, "before"), "kept");
  const folders = new Map([["a-1", folder]]);
  const disks = new Disks({ folders, kind: "tmpfs", send: () => false });
  disks.open();
  assert.equal(readFileSync(join(folder, "before"), "utf8"), "kept");
  const heal = disks.fill("a-1");
  assert.throws(() => writeFileSync(join(folder, "more"), "x"), { code: "ENOSPC" });
  heal?.();
  writeFileSync(join(folder, "after"), "written");
  disks.close();
  assert.deepEqual(
    ["before", "after"].map((name) => readFileSync(join(folder, name), "utf8")),
    ["kept", "written"],
  );
  assert.equal(existsSync(`${folder}.kept`), false);
});

test("a run that was killed leaves disks that the next one takes away", {
  skip: isMountable ? false : "no disk may be mounted here",
}, (t) => {
  const data = mkdtempSync(join(tmpdir(), "wattveil-disks-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const folders = new Map([["a-1", join(data, "a-1")]]);
  new Disks({ folders, kind: "tmpfs", send: () => false }).open();
  writeFileSync(join(data, "a-1", "left"), "over");
  unmountUnder(data);
  assert.equal(existsSync(join(data, "a-1", "left")), false);
});

test("where no disk may be mounted the process is told, and one that does not run is missed", () => {
  const told: unknown[] = [];
  const send = (name: string, message: object): boolean => {
    told.push([name, message]);
    return name === "a-1";
  };
  const disks = new Disks({ folders: new Map([["a-1", "/nowhere/a-1"]]), kind: "page-limit", send });
  disks.open();
  assert.notEqual(disks.fill("a-1"), undefined);
  assert.equal(disks.fill("a-2"), undefined);
  assert.deepEqual(told[0], ["a-1", { type: "no-room" }]);
  disks.close();
});
