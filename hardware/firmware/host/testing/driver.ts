/** Talks to the core's driver (../driver.c): a command for each line, an answer for each line, in order. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { buildDriver, type Variant } from "./build.ts";

/** Bytes in the form of the driver. */
export const hex = (bytes: Uint8Array): string => (bytes.length === 0 ? "-" : Buffer.from(bytes).toString("hex"));
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text === "-" ? "" : text, "hex"));

interface Waiting {
  readonly resolve: (answer: string) => void;
  readonly reject: (fault: Error) => void;
}

export class Driver {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #waiting: Waiting[] = [];
  #complaint = "";
  readonly #exited: Promise<number | null>;

  private constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#waiting.shift()?.resolve(line));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#complaint += text));
    this.#child.stdin.on("error", () => undefined);
    this.#exited = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      this.#child.once("close", (code) => {
        for (const { reject: fail } of this.#waiting.splice(0))
          fail(new Error(`the driver ended:\n${this.#complaint}`));
        resolve(code);
      });
    });
  }

  /** Starts a driver; `wrapper` is a program that runs it, such as valgrind, with its arguments. */
  static async start(variant: Variant, wrapper: readonly string[] = []): Promise<Driver> {
    const program = await buildDriver(variant);
    const [outer, ...options] = wrapper;
    return outer === undefined ? new Driver(program, []) : new Driver(outer, [...options, program]);
  }

  /** Rejects with what the driver wrote to stderr when it ends before it answers. */
  ask(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${command}\n`);
    });
  }

  /** Ends the program and gives its exit code and what it wrote to stderr. */
  async stop(): Promise<{ readonly code: number | null; readonly complaint: string }> {
    this.#child.stdin.end();
    return { code: await this.#exited, complaint: this.#complaint };
  }
}
