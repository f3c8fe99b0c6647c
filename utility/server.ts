/** Puts the utility together: database, roll, rounds, publisher and the link to the broker. */
import { CkksWatch, type Party } from "../config/keys/index.ts";
import type { Config } from "../config/index.ts";
import { brokerAddress } from "../config/runtime/broker-address.ts";
import { connectLink, type Link, LinkError } from "../config/runtime/link.ts";
import type { Logger, Measurement } from "../config/runtime/logger.ts";
import { Refusals } from "../config/runtime/refusals.ts";
import { UsageError } from "../config/runtime/role-command.ts";
import { storePlace } from "../config/storage/place.ts";
import { createSimClockFeed } from "../config/runtime/sim-clock-feed.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { meterStatus, serverStatus } from "../protocol/messages/public.ts";
import { filterOf, parseTopic } from "../protocol/topics.ts";
import { balanceSettings } from "./balance/settings.ts";
import { sendBill } from "./bills/courier.ts";
import { Redelivery } from "./bills/redelivery.ts";
import { assertTariffs } from "./bills/assert-tariffs.ts";
import { TariffBook } from "./bills/tariff-book.ts";
import { Correspondence } from "./correspondence.ts";
import { CustomerKeys } from "./customers.ts";
import { Learning } from "./learning/index.ts";
import { LogDesk, logEarlierBills, logKeys } from "./ledger/index.ts";
import { openLedger } from "./ledger/open.ts";
import { startOpened } from "./opened/index.ts";
import { parseJson } from "./json.ts";
import { originSlot } from "./origin-slot.ts";
import { detectionAlert, Publisher, roundAlert } from "./publisher.ts";
import { loadRoll, takeCertificate } from "./roll.ts";
import { RoundDesk } from "./rounds/desk.ts";
import type { RoundRecord } from "./rounds/record.ts";
import { ServerStats } from "./server-stats.ts";
import type { Utility } from "./settings.ts";
import { openUtilityDatabase } from "./store/open.ts";
import { addToDate, localDate } from "../billing/tariffs/index.ts";

export interface UtilityOptions {
  readonly config: Config;
  readonly party: Party;
  readonly log: Logger;
  readonly measure: (name: string, measurement: Measurement) => void;
  readonly signal: AbortSignal;
}

export interface UtilityServer {
  readonly meters: number;
  stop(): Promise<void>;
}

const STATS_MILLISECONDS = 5_000;
const RESEND_MILLISECONDS = 1_000;
/** Simulated time may tick far more often than rounds have anything new to do. */
const POLL_MILLISECONDS = 20;

/** Starts everything; resolves when the utility is subscribed and goes on with its rounds. */
export async function startUtility(options: UtilityOptions): Promise<UtilityServer> {
  const { config, party, log, signal } = options;
  const { directory } = party;
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const feed = createSimClockFeed({ config, directory, refusals });
  const book = await TariffBook.load(config.billing.tariff, config.billing.tariffs);
  assertTariffs(book, config);
  const db = await openUtilityDatabase(storePlace(config, "utility", "utility.db"), { alone: true });
  const { ledger, policy } = await openLedger(db, party, config);
  await logEarlierBills(db, ledger, directory.slotSeconds, feed.clock.now());
  await logKeys(db, ledger, party, feed.clock.now());
  const roll = await loadRoll(db, party);
  const refuse = (code: string, detail: string): void => refusals.count(code, detail);
  const utility: Utility = {
    ...{ db, ledger, clock: feed.clock, roll, book, warn: refuse },
    slotSeconds: directory.slotSeconds,
    timezone: config.system.timezone,
    currency: config.system.currency,
    minMeters: config.release.minMeters,
    minSlots: config.release.minSlots,
    loadEverySlots: config.rounds.loadEverySlots,
    loadGraceSlots: config.rounds.graceSlots,
    billingGraceSlots: config.billing.graceSlots,
    windowSlots: config.aggregator.windowSlots,
    periodKind: config.billing.period,
    whole: wholePeriod(config),
    origin: await originSlot(db, config, directory),
    balance: balanceSettings(config, directory.slotSeconds),
  };

  const offline = new Set<number>();
  const handle: { link?: Link } = {};
  const now = (): number => performance.now() / 1000;
  const correspondence = new Correspondence(party, {
    now,
    refuse,
    // What the broker does not get is asked for again.
    send: (topic, payload) => handle.link?.send(topic, payload),
    answered: (...answer) => void desk.handle(...answer),
  });
  const customers = await CustomerKeys.load(db, party);
  const publish = (topic: string, payload: Uint8Array | string): Promise<void> =>
    handle.link?.publish(topic, payload) ?? Promise.reject(new LinkError("offline", ""));
  const connected = (): boolean => handle.link?.connected ?? false;
  const time = (): number => feed.clock.now();
  const believed = (): void => void publisher.flush();
  const logDesk = new LogDesk({ db, ledger, policy, config, time, publish, connected, believed, log });
  const { receipts } = logDesk;
  const publisher: Publisher = new Publisher(
    db,
    party,
    directory.slotSeconds,
    receipts,
    {
      publish,
      connected,
      customerKey: (meter) => customers.get(meter),
    },
    log,
  );
  const { resendPeriods: periods, resendTimes: times, resendsPerSecond: perSecond } = config.billing;
  const redelivery = new Redelivery({
    db,
    periods,
    times,
    perSecond,
    now,
    time,
    send: async (bill) => {
      const key = customers.get(bill.meter_id);
      const sent = key === undefined ? "gone" : await sendBill({ db, signer: party, receipts, publish }, bill, key);
      return sent === "gone" ? undefined : sent === "sent";
    },
  });
  const dealt = new CkksWatch(party, (error) => log.warn(error instanceof Error ? error.message : String(error)));
  const opened = startOpened({ db, ledger, party, dealt, config, time, now, publish, connected, refuse, log });
  const stats = new ServerStats(options, db, refusals);
  const notify = (record: RoundRecord): void => {
    const alert = roundAlert(record, feed.clock.now());
    stats.noted(record);
    const { id: round, status, reason, evidence } = record;
    log.warn({ round, status, reason, evidence }, alert.message);
    publisher.alert(alert);
  };
  const desk = new RoundDesk(
    utility,
    {
      aggregators: Array.from({ length: directory.n }, (_, i) => i + 1),
      threshold: directory.t,
      quorum: directory.q,
      retrySeconds: config.rounds.retrySeconds,
      answerSeconds: config.rounds.answerSeconds,
      bits: config.sharing.bits,
      maxOpenRounds: config.rounds.maxOpenRounds,
    },
    {
      now,
      refuse,
      notify,
      send: (round, aggregator, request) => void correspondence.ask(round, aggregator, request),
      mayAnswer: (aggregator) => !offline.has(aggregator),
      verifyEndorsement: (...endorsement) => correspondence.verifyEndorsement(...endorsement),
      detected: (record, detection) => {
        log.warn({ round: record.id, ...detection, answers: undefined }, "an aggregator answered wrongly");
        publisher.alert(detectionAlert(record, detection, feed.clock.now()));
      },
      settled: (record) => {
        const { purpose } = record.question;
        const seconds = Math.max(0, feed.clock.now() - record.openedAt);
        stats.settled(record, seconds);
        log.debug({ round: record.id, purpose, status: record.status, seconds }, "a round is settled");
        if (purpose === "load") void opened?.loadsReleased();
        if (purpose === "vector") void learning.flush();
        // Sealing a bill costs more than working it out: while other feeders are being billed it waits.
        if (purpose !== "billing" || desk.openRounds === 0) void publisher.flush();
      },
    },
  );

  const { slotSeconds } = directory;
  const learning = new Learning({ db, slotSeconds, rounds: desk.learning, directory, publish, connected, refuse });
  let timer: NodeJS.Timeout | undefined;
  const pollSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      if (signal.aborted) return;
      handle.link?.noteWaiting(() => desk.waiting().length > 0);
      void desk.poll();
    }, POLL_MILLISECONDS);
  };
  const noteStatus = (aggregator: number, payload: Uint8Array): void => {
    const parsed = serverStatus.safeParse(parseJson(payload));
    if (!parsed.success) {
      refuse("malformed", `status of aggregator ${aggregator}`);
      return;
    }
    if (parsed.data.state === "offline") offline.add(aggregator);
    else {
      offline.delete(aggregator);
      void desk.returned(aggregator);
    }
  };
  const noteMeter = (meter: string, payload: Uint8Array): void => {
    const parsed = meterStatus.safeParse(parseJson(payload));
    if (parsed.success) redelivery.noteStatus(meter, parsed.data);
    else refuse("malformed", `status of meter ${meter}`);
  };
  const takeCustomers = async (payload: Uint8Array): Promise<void> => {
    try {
      publisher.keysArrived(await customers.take(payload));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(`customers-${error.code}`, error.message);
    }
  };
  const onMessage = (topic: string, payload: Uint8Array): void | Promise<void> => {
    if (feed.accept(topic, payload)) return;
    const parsed = parseTopic(topic);
    const { agg, meter, round, type } = parsed?.parameters ?? {};
    const taken =
      opened?.accept(parsed?.name, parsed?.parameters ?? {}, payload) ?? learning.accept(parsed?.name, payload);
    if (taken !== undefined) return taken;
    if (parsed?.name === "roundAnswer" && agg !== undefined && round !== undefined && type !== undefined) {
      return correspondence.take(Number(agg), round, type, payload);
    }
    if (parsed?.name === "aggregatorStatus" && agg !== undefined) {
      noteStatus(Number(agg), payload);
      return;
    }
    if (parsed?.name === "meterStatus" && meter !== undefined) {
      noteMeter(meter, payload);
      return;
    }
    if (parsed?.name === "customers") return takeCustomers(payload);
    if (parsed?.name === "roll") return takeCertificate({ db, roll }, payload, refuse);
    refuse("wrong-topic", topic);
  };
  handle.link = await connectLink({
    party,
    ...brokerAddress(config),
    subscriptions: [
      ...(["roundAnswer", "aggregatorStatus", "meterStatus", "roll", "customers"] as const).map((name) =>
        filterOf(name),
      ),
      ...feed.subscriptions,
      ...learning.subscriptions,
      ...(opened?.subscriptions ?? []),
    ],
    onMessage,
    onConnect: () => pollSoon(),
    log,
    alone: true,
    settings: config.link,
    signal,
  });
  await desk.start();
  await opened?.start();
  await learning.start();
  feed.onTick(pollSoon);
  const ticker = setInterval(pollSoon, Math.min(250, config.rounds.retrySeconds * 500));
  // Bills of `npm run bills -- correct` and whatever a kill left unsent.
  const publishing = setInterval(() => {
    void publisher.flush();
    void opened?.flush();
    void learning.flush();
  }, STATS_MILLISECONDS);
  const resending = setInterval(() => void redelivery.run(), RESEND_MILLISECONDS);
  const logging = setInterval(() => void logDesk.flush(), config.log.publishSeconds * 1_000);
  const reporting = setInterval(() => void stats.write(desk), STATS_MILLISECONDS);
  void publisher.flush();
  pollSoon();
  return {
    meters: roll.size,
    stop: async () => {
      clearInterval(ticker);
      clearInterval(publishing);
      clearInterval(resending);
      clearInterval(logging);
      clearInterval(reporting);
      clearTimeout(timer);
      await desk.stop();
      await opened?.stop();
      await learning.flush();
      await logDesk.flush();
      await publisher.flush();
      await redelivery.run();
      await handle.link?.close();
      await stats.write(desk);
      refusals.flush();
      await db.destroy();
    },
  };
}

function wholePeriod({ billing, simulation }: Config): Utility["whole"] {
  if (billing.period !== "whole") return undefined;
  if (!simulation.enabled) {
    throw new UsageError("billing.period: whole is for a simulation, which has an end; use day or month");
  }
  const from = localDate(simulation.start);
  return { from, to: addToDate(from, { days: simulation.days }) };
}
