/** `npm run gateway` as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

export class GatewayProcess {
  readonly #child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly ended: Promise<number | null>;

  constructor(args: readonly string[]) {
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(NODE_TEST_|WV_|npm_)/.test(key)));
    this.#child = spawn(process.execPath, ["config/runtime/start.mjs", "hardware/gateway/main.ts", ...args], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = once(this.#child, "close").then(([code]) => code as number | null);
  }

  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    return await this.ended;
  }
}
