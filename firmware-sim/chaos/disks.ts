/**
 * A small disk for each party, so that it can be full: a tmpfs where this process may mount one. Elsewhere SQLite is told
 * in the party's process that there is no room, which the party cannot tell from a full disk, but which ends when the
 * party is started again.
 */
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { NoRoom } from "./role-messages.ts";

/** Larger than anything that a run writes there, with what SQLite needs to pack its files. */
const DISK_MIB = 64;
const FILLER = "chaos-filler";
const FILL_BYTES = 1024 * 1024;

export type DiskKind = "tmpfs" | "page-limit";

/** May this process mount a file system? Tried, not guessed. */
export function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-mount-"));
  try {
    mount(folder, 1);
    umount(folder);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

export interface DisksOptions {
  /** The folder of each party that gets a disk of its own. */
  readonly folders: ReadonlyMap<string, string>;
  readonly kind: DiskKind;
  /** Tells a process something; false if it does not run. */
  readonly send: (name: string, message: object) => boolean;
}

export class Disks {
  readonly #options: DisksOptions;
  readonly #mounted: string[] = [];

  constructor(options: DisksOptions) {
    this.#options = options;
  }

  /** To be called before the processes start: what their folders hold is moved onto the disks. */
  open(): void {
    if (this.#options.kind !== "tmpfs") return;
    for (const folder of this.#options.folders.values()) {
      const before = `${folder}.before`;
      if (existsSync(folder)) renameSync(folder, before);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      mount(folder, DISK_MIB);
      this.#mounted.push(folder);
      if (!existsSync(before)) continue;
      cpSync(before, folder, { recursive: true });
      rmSync(before, { recursive: true });
    }
  }

  /** Returns what ends it, or undefined where the process does not run just now. */
  fill(name: string): (() => void) | undefined {
    const folder = this.#options.folders.get(name);
    if (folder === undefined || !this.#mounted.includes(folder)) {
      const told = this.#options.send(name, { type: "no-room" } satisfies NoRoom);
      return told ? () => undefined : undefined;
    }
    const filler = join(folder, FILLER);
    fillUp(filler);
    return () => rmSync(filler, { force: true });
  }

  /** To be called when the processes have ended: what the disks hold is moved back. */
  close(): void {
    for (const folder of this.#mounted.splice(0)) {
      const kept = `${folder}.kept`;
      rmSync(join(folder, FILLER), { force: true });
      cpSync(folder, kept, { recursive: true });
      umount(folder);
      rmSync(folder, { recursive: true });
      renameSync(kept, folder);
    }
  }
}

/** Takes away the disks of a run that was killed, so that its folder can be deleted. */
export function unmountUnder(data: string): void {
  const below = `${resolve(data)}/`;
  let table: string;
  try {
    table = readFileSync("/proc/self/mounts", "utf8");
  } catch {
    return; // no Linux, so nothing was mounted
  }
  for (const [, folder = ""] of table.split("\n").map((line) => line.split(" "))) {
    if (folder.startsWith(below)) umount(folder);
  }
}

/** Writes until there is no room for a further byte. */
function fillUp(file: string): void {
  for (let size = FILL_BYTES; size >= 1; size = Math.floor(size / 16)) {
    const bytes = new Uint8Array(size);
    for (;;) {
      try {
        writeFileSync(file, bytes, { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        break;
      }
    }
  }
}

function mount(folder: string, mib: number): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mib}m,mode=700`, "tmpfs", folder], { stdio: "ignore" });
}

function umount(folder: string): void {
  execFileSync("umount", [folder], { stdio: "ignore" });
}
