/**
 * A meter as a process of its own: readings in, sealed shares out, bills kept. Reading goes on while the broker cannot be
 * reached: the outbox is there for that.
 */
import { brokerAddress } from "../../config/runtime/broker-address.ts";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Config } from "../../config/index.ts";
import { openMeterSecrets, openParty } from "../../config/keys/index.ts";
import { systemClock } from "../../config/runtime/clock.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import { Refusals } from "../../config/runtime/refusals.ts";
import { createSimClockFeed } from "../../config/runtime/sim-clock-feed.ts";
import { EXIT, type RoleContext } from "../../config/runtime/role-command.ts";
import { announceReady, writeStats } from "../../config/runtime/role-report.ts";
import { printable } from "../../protocol/printable.ts";
import { MeterAgent } from "./agent.ts";
import type { AgentEvents, AgentLink } from "./agent-options.ts";
import { BillIntake } from "./bill-intake.ts";
import { bulkTurns, openBulk } from "./bulk/index.ts";
import { meterLastWill, meterSubscriptions } from "./greeting.ts";
import { readingsForCheck } from "./household.ts";
import { INTERVAL_FORM, REGISTER_FORM, takeLine } from "./input-line.ts";
import { type Fed, feedLines } from "./line-feed.ts";
import { type LoneCiphertexts, openLoneCiphertexts } from "./lone-ciphertexts.ts";
import { openLoneLearning } from "./lone-learning.ts";
import { Outbox } from "./outbox.ts";
import { outcomeText, SettleWatch, type WaitEnd } from "./settle-watch.ts";
import { agentSettings } from "./settings.ts";

export interface LoneMeterOptions {
  /** Lines of readings, or who hands in samples by calls of its own as long as the meter runs. */
  readonly input: Readable | ((agent: Pick<MeterAgent, "addSample">) => void);
  /** Stop when the input has ended and everything is settled, or nothing has been for `patienceSeconds`. */
  readonly once: boolean;
  readonly patienceSeconds: number;
}

/** Lines that are refused are told one by one up to this number; a file of something else would fill the screen. */
const MOST_TOLD = 20;

/** Runs until the signal, or with `once` until the work is done; resolves with the exit code. */
export async function serveMeter(context: RoleContext, id: string, options: LoneMeterOptions): Promise<number> {
  const { config, log, process: processLog, json } = context;
  const folder = join(config.paths.data, "keys", id);
  const party = openParty(folder);
  const secrets = openMeterSecrets(folder);
  const database = openDatabase(join(config.paths.data, id, "meter.db"), { synchronous: "FULL", alone: true });
  const outbox = new Outbox(database);
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  // The user is told of each refused line; the log is for whoever looks later.
  const badLines = new Refusals({ log: processLog.fileLog, intervalSeconds: config.logging.refusalSeconds });
  const handle: { link?: Link } = {};
  // The agent may settle what its outbox cannot hold as soon as it is made.
  const parts: { ciphertexts?: LoneCiphertexts | undefined } = {};
  const clockFeed = createSimClockFeed({ config, directory: party.directory, refusals });
  const watch = new SettleWatch({
    // A window becomes a ciphertext when its shares are settled.
    unsettled: () => agent.unsettledSlots || (parts.ciphertexts?.unsettled() ?? 0),
    patienceSeconds: options.patienceSeconds,
  });
  const agentLink: AgentLink = {
    get connected() {
      return handle.link?.connected ?? false;
    },
    send: (topic, payload, sendOptions, done) => {
      if (handle.link === undefined) done(new Error("not connected yet"));
      else handle.link.send(topic, payload, sendOptions, done);
    },
  };
  const meterLog = options.once ? processLog.fileLog : log;
  const { settled, ...told } = events(watch, meterLog, refusals);
  const agent: MeterAgent = new MeterAgent({
    secrets,
    settings: agentSettings(config, party.directory.t),
    outbox,
    link: agentLink,
    randomBytes,
    monotonic: () => performance.now(),
    events: {
      ...told,
      settled: (...args) => {
        parts.ciphertexts?.settled();
        settled(...args);
      },
    },
  });
  const broker = brokerAddress(config);
  const bulk = openBulk({
    ...{ config, party, broker, log: meterLog, turns: bulkTurns() },
    failed: (error) => refusals.count(`bulk-${(error as { code?: string }).code ?? "failed"}`),
  });
  const ciphertexts = openLoneCiphertexts({
    ...{ context, party, secrets, agent, database, outbox, refusals, bulk, link: agentLink, log: meterLog },
    now: () => clockFeed.clock.now(),
    moved: () => watch.moved(),
  });
  parts.ciphertexts = ciphertexts;
  const learning = openLoneLearning({
    ...{ config, party, secrets, agent, database, outbox, refusals, bulk, link: agentLink, log: meterLog },
    now: () => clockFeed.clock.now(),
  });
  const bills = new BillIntake({
    ...{ config, meter: id, log, refusals },
    customerSealKey: secrets.customerSealKey,
    directory: party.directory,
    readings: () => {
      outbox.flush();
      return readingsForCheck(config.paths.data, id);
    },
  });
  const tick = setInterval(() => {
    agent.tick();
    const deaf = config.link.deafSeconds * 1_000;
    handle.link?.noteWaiting(() => agent.isUnheard(config.meter.resendSeconds * 2_000, deaf));
    ciphertexts?.tick();
    learning?.tick();
  }, config.meter.resendSeconds * 500);

  // A connection that can never stand ends the reading, too.
  const ended = new AbortController();
  const signal = AbortSignal.any([context.signal, ended.signal]);
  let failure: Error | undefined;
  const connecting = connectLink({
    ...{ ...broker, party },
    settings: config.link,
    will: meterLastWill(id),
    subscriptions: [
      ...meterSubscriptions(id),
      bills.subscription,
      ...clockFeed.subscriptions,
      ...(learning?.subscriptions ?? []),
    ],
    onMessage: (topic, payload) => {
      const bill = bills.accept(topic, payload);
      if (bill !== undefined) return bill;
      if (clockFeed.accept(topic, payload) || learning?.accept(topic, payload) === true) return undefined;
      agent.onMessage(topic, payload);
      return undefined;
    },
    onConnect: (link) => {
      handle.link = link;
      agent.onConnect();
    },
    log,
    signal,
  }).then(
    () => undefined,
    (error: unknown) => {
      if (signal.aborted) return;
      failure = error instanceof Error ? error : new Error(String(error));
      ended.abort();
    },
  );
  announceReady({ id });
  const fed = await feed({
    agent,
    input: options.input,
    slotSeconds: config.system.slotSeconds,
    refused: () => badLines.count("bad-input"),
    signal,
  });
  agent.flushBatches();
  let end: WaitEnd = "stopped";
  if (options.once && !signal.aborted) {
    outbox.flush();
    agent.flushBatches();
    end = await watch.wait(signal);
  } else if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  }
  const silent = silentParties(agent, ciphertexts, config.meter.resendSeconds * 1_000);
  const connected = handle.link?.connected ?? false;

  clearInterval(tick);
  agent.flushBatches();
  // Takes note of what is settled, so that the next run does not send it again.
  agent.tick();
  outbox.flush();
  await ciphertexts?.close();
  await learning?.close();
  await bulk.close();
  await handle.link?.close();
  outbox.flush();
  ended.abort();
  await connecting;
  writeStats(config.paths.data, id, {
    role: "meter",
    refused: { ...refusals.snapshot(), ...badLines.snapshot() },
    counters: { unsettledSlots: agent.unsettledSlots },
  });
  refusals.flush();
  badLines.flush();
  const unsettled = agent.unsettledSlots;
  database.close();
  if (failure !== undefined) throw failure;
  if (!options.once || end === "stopped") return EXIT.ok;
  if (end === "silent") process.stderr.write(`${whySilent(config, connected, silent, options.patienceSeconds)}\n`);
  process.stdout.write(json ? `${outcomeJson(watch, fed, unsettled)}\n` : `${outcomeText(watch, unsettled)}\n`);
  return end === "silent" || fed.refused > 0 || watch.lost ? EXIT.failed : EXIT.ok;
}

interface FeedOptions {
  readonly agent: MeterAgent;
  readonly input: LoneMeterOptions["input"];
  readonly slotSeconds: number;
  readonly refused: () => void;
  readonly signal: AbortSignal;
}

/** Lets readings in until the input has ended; samples that come by calls have no end of their own. */
async function feed({ agent, input, slotSeconds, refused, signal }: FeedOptions): Promise<Fed> {
  if (typeof input === "function") {
    input(agent);
    return { taken: 0, refused: 0 };
  }
  if (input === process.stdin && process.stdin.isTTY) {
    process.stderr.write(`reading JSON lines, ${INTERVAL_FORM} or ${REGISTER_FORM}; Ctrl-D ends them\n`);
  }
  let told = 0;
  return await feedLines({
    input,
    take: (line) => takeLine(agent, line, { slotSeconds, now: systemClock.now() }),
    refused: (line, reason) => {
      refused();
      if (++told <= MOST_TOLD) process.stderr.write(`line ${line}: ${printable(reason)}\n`);
      if (told === MOST_TOLD) process.stderr.write("further lines that are refused are only counted\n");
    },
    signal,
  });
}

function events(
  watch: SettleWatch,
  log: Logger,
  refusals: Refusals,
): AgentEvents & Required<Pick<AgentEvents, "settled">> {
  return {
    settled: (_meter, _kind, firstSlot, count) => watch.settled(firstSlot, count),
    gap: (_meter, gap) => {
      watch.gap(gap);
      log.warn(gap, "gap");
    },
    refused: (_meter, error) => refusals.count((error as { code?: string }).code ?? "send-failed"),
  };
}

/** Shares come first: an aggregator that takes none of them is named before analytics is. */
function silentParties(agent: MeterAgent, ciphertexts: LoneCiphertexts | undefined, milliseconds: number): string[] {
  const silent = agent.silentAggregators(milliseconds).map((index) => `aggregator ${index}`);
  if (agent.unsettledSlots > 0) return silent;
  return (ciphertexts?.silent() ?? []).map((id) => id.replace(/^a-/, "aggregator "));
}

function whySilent({ broker }: Config, connected: boolean, silent: readonly string[], seconds: number): string {
  const rest = "what is not settled stays in the outbox and goes with the next run";
  if (!connected) return `no broker answers at ${broker.host}:${broker.tlsPort}: ${rest}`;
  const who =
    silent.length === 0 ? "the aggregators have" : `${silent.join(", ")} ${silent.length === 1 ? "has" : "have"}`;
  return `${who} acknowledged nothing for ${seconds} s: ${rest}`;
}

function outcomeJson(watch: SettleWatch, fed: Fed, unsettledReadings: number): string {
  const { settledSlots } = watch;
  return JSON.stringify({
    lines: fed.taken,
    refusedLines: fed.refused,
    settledSlots,
    unsettledReadings,
    gapSlots: watch.gaps(),
  });
}
