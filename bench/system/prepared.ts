/**
 * A data folder that is kept between runs of a benchmark, because filling it takes longer than what is measured. Holds
 * keys of a benchmark's meters: it is made for its owner only.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";

export interface PreparedShape {
  readonly meters: number;
  readonly feeders: number;
  readonly loads: boolean;
}

export class Prepared {
  readonly #root: string;
  readonly #folder: string;

  constructor(root: string, { meters, feeders, loads }: PreparedShape) {
    this.#root = root;
    this.#folder = join(root, `${meters}-meters-${feeders}-feeders-${loads ? "loads" : "shares"}`);
  }

  /** Copies what was kept into `data`; false when there is nothing. */
  restore(data: string): boolean {
    if (!existsSync(this.#folder)) return false;
    copy(this.#folder, data);
    return true;
  }

  /** Keeps what is in `data`. No process may have it open. */
  save(data: string): void {
    mkdirSync(this.#root, { recursive: true, mode: 0o700 });
    const unfinished = `${this.#folder}.part`;
    mkdirSync(unfinished, { mode: 0o700 });
    copy(data, unfinished);
    renameSync(unfinished, this.#folder);
  }
}

/** With modes: a party refuses keys that others may read. */
function copy(from: string, to: string): void {
  execFileSync("cp", ["-a", `${from}/.`, to]);
}
