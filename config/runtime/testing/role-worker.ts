/** A small role for the tests of the command frame: does what its flags say. */
import { readFileSync } from "node:fs";
import { ExplainedError } from "../../faults.ts";
import { runRole } from "../role-command.ts";
import { noteLife } from "../still-watch.ts";

await runRole({
  name: "example",
  description: "Does what the test asks.",
  flags: [
    { flags: "--id <name>", description: "who", required: true },
    { flags: "--meters <number>", description: "how many", path: "simulation.meters" },
    { flags: "--no-api", description: "without it", path: "api.enabled" },
    { flags: "--act <what>", description: "what to do" },
  ],
  party: (options) => String(options["id"]),
  metricsOffset: () => 0,
  examples: ["npm run example -- --id x"],
  profile: "demo",
  run: async ({ config, options, log, json, configArguments, signal }) => {
    switch (options["act"]) {
      case "explained":
        throw new ExplainedError("the third one is missing");
      case "file":
        readFileSync("nowhere/at-all.txt");
        return undefined;
      case "throw":
        throw new Error("it broke");
      case "throw-later":
        setImmediate(() => {
          throw new Error("it broke later");
        });
        return new Promise<undefined>(() => setInterval(() => {}, 1_000));
      case "reject":
        void Promise.reject(new Error("nobody waited"));
        return new Promise<undefined>(() => setInterval(() => {}, 1_000));
      case "wait": {
        const alive = setInterval(() => {}, 1_000);
        process.stdout.write("waiting\n");
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        clearInterval(alive);
        log.info({}, "stopped cleanly");
        return undefined;
      }
      case "still":
      case "ask":
      case "work": {
        const from = performance.now();
        while (performance.now() - from < 1_500) await new Promise((resolve) => setTimeout(resolve, 10));
        // What watches has begun. From here on the loop does not turn: for ever, or for a while.
        const never = new Int32Array(new SharedArrayBuffer(4));
        if (options["act"] === "still") Atomics.wait(never, 0, 0);
        const until = performance.now() + 4_000;
        for (let i = 0; performance.now() < until; i++) {
          if (options["act"] === "work") Math.sqrt(i);
          else if (Atomics.wait(never, 0, 0, 100) === "timed-out") noteLife();
        }
        process.stdout.write("through\n");
        return undefined;
      }
      case "long":
        process.stdout.write("x".repeat(1_000_000));
        return undefined;
      case "code":
        return 7;
      default:
        process.stdout.write(
          JSON.stringify({
            meters: config.simulation.meters,
            minSlots: config.release.minSlots,
            api: config.api.enabled,
            json,
            configArguments,
          }),
        );
        return undefined;
    }
  },
});
