/**
 * `npm run meter`: one meter on its own, as on a Raspberry Pi. Readings come as JSON lines on standard input or from a
 * file or pipe: register samples {"time", "importWh", "exportWh"?}, or intervals {"slotStart", "energyWh", "exportWh"?}.
 */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { openMeterSecrets, openParty } from "../../config/keys/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { connectLink } from "../../config/runtime/link.ts";
import { Refusals } from "../../config/runtime/refusals.ts";
import { type RoleContext, runRole } from "../../config/runtime/role-command.ts";
import { announceReady, writeStats } from "../../config/runtime/role-report.ts";
import { meterId } from "../../protocol/names.ts";
import { KINDS } from "../../protocol/units.ts";
import { MeterAgent } from "./agent.ts";
import { meterLastWill, meterSubscriptions } from "./greeting.ts";
import { Outbox } from "./outbox.ts";
import { agentSettings } from "./settings.ts";

const energy = z.int().min(0);
const registerLine = z.strictObject({ time: z.number().min(0), importWh: energy, exportWh: energy.optional() });
const intervalLine = z.strictObject({ slotStart: z.int().min(0), energyWh: energy, exportWh: energy.optional() });
const inputLine = z.union([registerLine, intervalLine]);

/** Hands one line to the agent; throws with what is wrong with it. */
function takeLine(agent: MeterAgent, line: string, slotSeconds: number): void {
  const input = inputLine.parse(JSON.parse(line));
  if ("time" in input) {
    const { time, importWh, exportWh } = input;
    agent.addSample(exportWh === undefined ? { time, importWh } : { time, importWh, exportWh });
    return;
  }
  if (input.slotStart % slotSeconds !== 0) {
    throw new RangeError(`slotStart: expected a multiple of ${slotSeconds} s, got ${input.slotStart}`);
  }
  const slot = input.slotStart / slotSeconds;
  agent.addReadings(KINDS.import, slot, [input.energyWh]);
  if (input.exportWh !== undefined) agent.addReadings(KINDS.export, slot, [input.exportWh]);
}

async function run({ config, log, options, signal }: RoleContext): Promise<void> {
  const id = meterId.parse(options["id"]);
  const folder = join(config.paths.data, "keys", id);
  const party = openParty(folder);
  const database = openDatabase(join(config.paths.data, id, "meter.db"), { synchronous: "FULL" });
  const outbox = new Outbox(database);
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const handle: { link?: Awaited<ReturnType<typeof connectLink>> } = {};
  let settled: () => void = () => undefined;
  const agent = new MeterAgent({
    secrets: openMeterSecrets(folder),
    settings: agentSettings(config, party.directory.t),
    outbox,
    link: {
      get connected() {
        return handle.link?.connected ?? false;
      },
      send: (topic, payload, sendOptions, done) => {
        if (handle.link === undefined) done(new Error("not connected yet"));
        else handle.link.send(topic, payload, sendOptions, done);
      },
    },
    randomBytes,
    monotonic: () => performance.now(),
    events: {
      settled: () => settled(),
      gap: (_meter, gap) => log.warn(gap, "gap"),
      refused: (_meter, error) => refusals.count((error as { code?: string }).code ?? "send-failed"),
    },
  });
  const tick = setInterval(() => agent.tick(), config.meter.resendSeconds * 500);
  const report = (): void =>
    writeStats(config.paths.data, id, {
      role: "meter",
      refused: refusals.snapshot(),
      counters: { unsettledSlots: agent.unsettledSlots },
    });
  const stop = async (): Promise<void> => {
    clearInterval(tick);
    agent.flushBatches();
    outbox.flush();
    await handle.link?.close();
    report();
    refusals.flush();
    database.close();
  };

  // Reading goes on while the broker cannot be reached: the outbox is there for that.
  const connecting = connectLink({
    party,
    host: config.broker.host,
    port: config.broker.tlsPort,
    settings: config.link,
    will: meterLastWill(id),
    subscriptions: meterSubscriptions(id),
    onMessage: (topic, payload) => agent.onMessage(topic, payload),
    onConnect: (link) => {
      handle.link = link;
      agent.onConnect();
    },
    log,
    signal,
  });
  announceReady({ id });
  const file = options["input"] as string;
  const input = file === "-" ? process.stdin : createReadStream(file);
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  signal.addEventListener("abort", () => lines.close(), { once: true });
  for await (const line of lines) {
    if (signal.aborted) break;
    if (line.trim() === "") continue;
    try {
      takeLine(agent, line, config.system.slotSeconds);
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      refusals.count("bad-input", reason);
      log.error({ reason }, "this line of input was refused");
    }
  }
  agent.flushBatches();
  if (options["once"] === true && !signal.aborted) {
    await connecting;
    outbox.flush();
    agent.flushBatches();
    await new Promise<void>((resolve) => {
      settled = () => {
        if (agent.unsettledSlots === 0) resolve();
      };
      signal.addEventListener("abort", () => resolve(), { once: true });
      settled();
    });
  } else if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  await stop();
  // Keeps a first connection that never succeeded from looking like a failure of its own.
  await connecting.catch(() => undefined);
}

await runRole({
  name: "meter",
  description: "One meter: takes register samples or intervals, sends sealed shares, keeps what is not acknowledged.",
  flags: [
    { flags: "--id <meter>", description: "the meter; its keys are in <data>/keys/<meter>", required: true },
    { flags: "--input <file>", description: "JSON lines; - for standard input (the default)" },
    { flags: "--once", description: "stop when the input has ended and every slot is settled" },
  ],
  party: (options) => String(options["id"]),
  run: (context) => run({ ...context, options: { input: "-", ...context.options } }),
});
