/**
 * `npm run meter`: one meter on its own, as on a Raspberry Pi; `meter -- bills` and `meter -- readings` print what it has. Readings come as JSON lines on standard input or from a
 * file or pipe: register samples {"time", "importWh", "exportWh"?}, or intervals {"slotStart", "energyWh", "exportWh"?}.
 */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { z } from "zod";
import { customerKeyObject, openMeterSecrets, openParty } from "../../config/keys/index.ts";
import { systemClock } from "../../config/runtime/clock.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { connectLink } from "../../config/runtime/link.ts";
import { Refusals } from "../../config/runtime/refusals.ts";
import { type RoleContext, runRole, UsageError } from "../../config/runtime/role-command.ts";
import { announceReady, writeStats } from "../../config/runtime/role-report.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { meterId } from "../../protocol/names.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";
import { MeterAgent } from "./agent.ts";
import { BillFolder, readBills } from "./bills.ts";
import { billsFolder, billsText, ownReadings, readingsCsv } from "./household.ts";
import { meterLastWill, meterSubscriptions } from "./greeting.ts";
import { takeLine } from "./input-line.ts";
import { Outbox } from "./outbox.ts";
import { agentSettings } from "./settings.ts";

/** `bills` and `readings`: prints, and leaves everything as it is. */
function print({ config, options, operands, json }: RoleContext, id: string): void {
  const [verb] = operands;
  const csv = options["csv"] === true;
  let text: string;
  if (verb === "bills") {
    if (csv) throw new UsageError("bills: --csv is for readings; use --json");
    const bills = readBills(billsFolder(config.paths.data, id));
    text = json ? JSON.stringify(bills.map(({ bill }) => bill)) : billsText(bills);
  } else {
    const readings = ownReadings(config.paths.data, id, config.system.slotSeconds);
    text = json ? JSON.stringify(readings) : readingsCsv(readings).trimEnd();
  }
  process.stdout.write(`${text}\n`);
}

async function run(context: RoleContext): Promise<void> {
  const parsed = meterId.safeParse(context.options["id"]);
  if (!parsed.success) throw new UsageError(`--id: ${parsed.error.issues[0]?.message ?? "no meter id"}`);
  const [verb] = context.operands;
  if (verb === undefined) {
    if (context.options["csv"] === true) throw new UsageError("--csv: only with the command readings");
    await serve(context, parsed.data);
  } else if (verb === "bills" || verb === "readings") print(context, parsed.data);
  else throw new UsageError(`${verb}: expected bills, readings or nothing`);
}

async function serve({ config, log, options, signal }: RoleContext, id: string): Promise<void> {
  const folder = join(config.paths.data, "keys", id);
  const party = openParty(folder);
  const database = openDatabase(join(config.paths.data, id, "meter.db"), { synchronous: "FULL", alone: true });
  const outbox = new Outbox(database);
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const handle: { link?: Awaited<ReturnType<typeof connectLink>> } = {};
  let settled: () => void = () => undefined;
  const secrets = openMeterSecrets(folder);
  const bills = new BillFolder({
    meter: id,
    folder: billsFolder(config.paths.data, id),
    sealKey: customerKeyObject(secrets.customerSealKey),
    directory: party.directory,
  });
  const billTopic = topicOf("bill", { meter: id });
  const takeBill = async (payload: Uint8Array): Promise<void> => {
    try {
      const { outcome, bill, file } = await bills.take(payload);
      const fields = { periodStart: bill.periodStart, version: bill.version, file };
      if (outcome === "kept") log.info(fields, "a bill has come");
      if (outcome !== "contradicts") return;
      refusals.count("bill-contradicts", file);
      log.error(fields, "this bill contradicts one that came first under its version; both are kept");
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refusals.count(`bill-${error.code}`, error.message);
    }
  };
  const agent = new MeterAgent({
    secrets,
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
    subscriptions: [...meterSubscriptions(id), filterOf("bill", { meter: id })],
    onMessage: (topic, payload) => {
      if (topic === billTopic) return takeBill(payload);
      agent.onMessage(topic, payload);
      return undefined;
    },
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
      takeLine(agent, line, { slotSeconds: config.system.slotSeconds, now: systemClock.now() });
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
  operands: "[command]",
  flags: [
    { flags: "--id <meter>", description: "the meter; its keys are in <data>/keys/<meter>", required: true },
    { flags: "--input <file>", description: "JSON lines; - for standard input (the default)" },
    { flags: "--csv", description: "readings as CSV with the columns of a replay (the default of readings)" },
    { flags: "--once", description: "stop when the input has ended and every slot is settled" },
  ],
  help: `Commands (without one: run the meter):
  bills      the bills that have come to this household
  readings   the meter's own readings, to check a bill with (npm run bills -- verify)`,
  party: (options) => String(options["id"]),
  run: (context) => run({ ...context, options: { input: "-", ...context.options } }),
});
