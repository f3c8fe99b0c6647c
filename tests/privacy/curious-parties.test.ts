/**
 * One honest run of real processes, from readings to bills, of which every byte that passed the broker is kept. Then
 * each party of the trust table is curious: with its whole folder of keys, its whole database and all of those bytes it
 * learns what it may and no more; with one more party's keys the same code learns what must stay hidden.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Database } from "better-sqlite3";
import { customerKeyObject, openMeterSecrets } from "../../config/keys/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { readStats } from "../../config/runtime/role-report.ts";
import { members } from "../../protocol/bitmap.ts";
import { decodeCbor } from "../../protocol/cbor.ts";
import { hpkeOpen, serverContext } from "../../protocol/envelope/hpke.ts";
import { verify1 } from "../../protocol/envelope/index.ts";
import { add, inverse, multiply, negate, readElement } from "../../protocol/field.ts";
import { parseBill, parseReceipt } from "../../protocol/log/index.ts";
import { feederLoad } from "../../protocol/messages/public.ts";
import { setContent, type SetContent, sumsMessage } from "../../protocol/messages/round.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { filterOf, parseTopic, topicOf } from "../../protocol/topics.ts";
import { Holder, numbersIn, type Opened, recipientOf } from "../testing/holder.ts";
import { type Published, readRecording, RECORDING_FILE, type Recording } from "../testing/recording.ts";
import { DAY_SLOTS, DAY_START, Stage } from "../testing/stage.ts";
import { seeded, WireMeter } from "../testing/wire-meter.ts";

const METERS = ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6"];
const SERVERS = ["a-1", "a-2", "a-3", "utility", "authority"];

/** Readings of five digits, no two alike. */
const random = seeded("readings of the curious parties");
const readings = new Map<string, number[]>();
const used = new Set<number>();
for (const meter of METERS) {
  const list: number[] = [];
  while (list.length < DAY_SLOTS) {
    const reading = 10_000 + random(90_000);
    if (!used.has(reading)) list.push(reading);
    used.add(reading);
  }
  readings.set(meter, list);
}
const every = METERS.flatMap((meter) => readings.get(meter)!).map(BigInt);
const dayTotal = (meter: string): number => readings.get(meter)!.reduce((sum, value) => sum + value, 0);
const slotTotal = (hour: number): number => METERS.reduce((sum, meter) => sum + readings.get(meter)![hour]!, 0);

let stage: Stage;
let meters: WireMeter[];
let recording: Recording;
let utilityDb!: Database;
/** All shares as they were sent, by aggregator. */
const shares = new Map<number, bigint[]>();
const denied: string[] = [];

before(async () => {
  stage = await Stage.open({
    meters: METERS.map((meter) => ({ meter, feeder: "f-1" })),
    brokerEntry: "tests/testing/recording-broker-main.ts",
  });
  await whatOthersMayNot();
  meters = await Promise.all(METERS.map((meter) => WireMeter.open(stage, meter)));
  for (const meter of meters) {
    for (const [index, entries] of meter.split(1, DAY_START, readings.get(meter.id)!)) {
      const own = shares.get(index) ?? shares.set(index, []).get(index)!;
      for (let at = 0; at < entries.length; at += 16) own.push(readElement(entries, at));
    }
    await meter.report(DAY_START, readings.get(meter.id)!);
  }
  const loads = new Set<number>();
  let all: () => void = () => {};
  const released = new Promise<void>((resolve) => (all = resolve));
  await stage.connect(stage.party("authority"), [filterOf("feederLoad")], (_topic, payload) => {
    loads.add(feederLoad.parse(JSON.parse(Buffer.from(payload).toString("utf8"))).slotStart);
    if (loads.size === DAY_SLOTS) all();
  });
  await stage.setSlot(DAY_START + DAY_SLOTS + 8);
  await stage.startUtility();
  await Promise.all([released, ...meters.map((meter) => meter.bill())]);
  for (const name of ["utility", "a-1", "a-2", "a-3", "broker"]) await stage.supervisor.stop(name);
  recording = readRecording(path.join(stage.data, RECORDING_FILE));
  utilityDb = openDatabase(path.join(stage.data, "utility", "utility.db"), { synchronous: "NORMAL", readonly: true });
});
after(async () => {
  utilityDb.close();
  await stage.close();
});

/** Another customer tries the broker: what is denied is noted by its name. What owners may, the run shows. */
async function whatOthersMayNot(): Promise<void> {
  const curious = await stage.connect(stage.party("m-2"));
  const filters = {
    ack: filterOf("ack", { meter: "m-1" }),
    bill: topicOf("bill", { meter: "m-1" }),
    "all bills": filterOf("bill"),
    share: filterOf("share", { meter: "m-1" }),
    "own share": filterOf("share", { meter: "m-2" }),
    status: filterOf("meterStatus"),
    "round answers": filterOf("roundAnswer"),
    everything: "#",
    "a whole branch": "wv/1/c/#",
  };
  for (const [name, filter] of Object.entries(filters)) {
    await curious.subscribe([filter]).then(
      () => denied.push(`${name} GRANTED`),
      () => denied.push(name),
    );
  }
  await curious.close();
  const publications = {
    "share of another": topicOf("share", { meter: "m-1", agg: "1" }),
    "status of another": topicOf("meterStatus", { meter: "m-1" }),
    "a bill": topicOf("bill", { meter: "m-2" }),
    "an ack": topicOf("ack", { meter: "m-2", agg: "1" }),
    "a load": topicOf("feederLoad", { feeder: "f-1" }),
  };
  for (const [name, topic] of Object.entries(publications)) {
    // Each denial cuts the connection: a fresh one for each.
    const link = await stage.connect(stage.party("m-2"));
    await link.publish(topic, "{}").then(
      () => denied.push(`${name} PASSED`),
      () => denied.push(name),
    );
    await link.close();
  }
}

const folder = (id: string): string => stage.keys(id);
const database = (id: string, name: string): string => path.join(stage.data, id, name);
/** Share messages that meters sent under their own name. */
const sentShares = (): number =>
  recording.published.filter(({ from, topic }) => {
    const parsed = parseTopic(topic);
    return parsed?.name === "share" && parsed.parameters.meter === from;
  }).length;
/** What was published on some kind of topic. */
const on = (...names: string[]): Published[] =>
  recording.published.filter(({ topic }) => names.includes(parseTopic(topic)?.name ?? ""));
/** Whose shares were opened. */
const aggregatorsOf = (opened: Opened): number[] =>
  [...new Set(opened.shares.map(({ aggregator }) => aggregator))].sort();
const recipientsOf = (opened: Opened): string[] => [...new Set(opened.sealed.map(({ to }) => to))].sort();

/** What t shares of one cell give: by "meter slot". Cells with fewer are left out. */
function readingsFrom({ shares: held }: Opened): Map<string, bigint> {
  const points = new Map<string, Map<number, bigint>>();
  for (const { meter, aggregator, message } of held) {
    for (let i = 0; 16 * i < message.entries.length; i++) {
      const cell = `${meter} ${message.firstSlot + i}`;
      const known = points.get(cell) ?? points.set(cell, new Map()).get(cell)!;
      known.set(aggregator, readElement(message.entries, 16 * i));
    }
  }
  const complete = [...points].filter(([, known]) => known.size >= 2);
  return new Map(
    complete.map(([cell, known]) => [
      cell,
      interpolate(
        [...known].map(([x, y]) => ({ x, y })),
        2,
      ).value,
    ]),
  );
}

function assertEveryReading(found: ReadonlyMap<string, bigint>): void {
  assert.equal(found.size, METERS.length * DAY_SLOTS);
  for (const [cell, value] of found) {
    const [meter, slot] = cell.split(" ") as [string, string];
    assert.equal(value, BigInt(readings.get(meter)![Number(slot) - DAY_START]!));
  }
}

test("the run itself is exact: bills and loads equal what was fed", () => {
  const bills = utilityDb.prepare("SELECT meter_id AS id, energy_wh AS wh, status FROM current_bills ORDER BY 1").all();
  assert.deepEqual(
    bills,
    METERS.map((id) => ({ id, wh: dayTotal(id), status: "final" })),
  );
  const loads = utilityDb
    .prepare("SELECT energy_wh AS wh FROM feeder_loads WHERE status = 'final' ORDER BY slot_start")
    .all();
  assert.deepEqual(
    loads,
    Array.from({ length: DAY_SLOTS }, (_, hour) => ({ wh: slotTotal(hour) })),
  );
});

test("the broker sees every message and reads none: no share, no sum, no ack, no bill", async () => {
  const broker = new Holder().takeFolder(folder("broker")).takeFile(database("broker", "broker.db"));
  assert.ok(broker.keys > 1000, "it has much to try");
  assert.ok(sentShares() >= 3 * METERS.length);
  assert.deepEqual(await broker.open(recording.published), { shares: [], acks: [], sealed: [] });
  // No byte in or out holds a reading, a share or a bill in clear. Loads are public: that they are found is the control.
  assert.deepEqual(numbersIn(recording.bytes, [...every, ...[...shares.values()].flat()]), []);
  assert.deepEqual(numbersIn(recording.bytes, METERS.map(dayTotal).map(BigInt)), []);
  const loads = Array.from({ length: DAY_SLOTS }, (_, hour) => BigInt(slotTotal(hour)));
  assert.deepEqual(numbersIn(recording.bytes, loads), loads);
});

test("control: with the keys of one aggregator the broker has its shares, with those of t every reading", async () => {
  const broker = new Holder().takeFolder(folder("broker")).takeFolder(folder("a-1"));
  const one = await broker.open(on("share"));
  assert.deepEqual(aggregatorsOf(one), [1]);
  const plain = one.shares.map(({ message }) => message.entries);
  assert.deepEqual(numbersIn(plain, shares.get(1)!), shares.get(1));
  assert.deepEqual(numbersIn(plain, [...every, ...shares.get(2)!, ...shares.get(3)!]), []);
  assert.equal(readingsFrom(one).size, 0);
  broker.takeFolder(folder("a-3"));
  assertEveryReading(readingsFrom(await broker.open(on("share"))));
});

test("control: with the utility's keys the broker has the sums and the bills in them", async () => {
  const opened = await new Holder().takeFolder(folder("utility")).open(on("roundRequest", "roundAnswer"));
  assert.deepEqual(recipientsOf(opened), ["utility"]);
  const { directory } = stage.party("utility");
  const bySet = new Map<string, ReturnType<typeof sumsMessage.parse>[]>();
  for (const { topic, plaintext } of opened.sealed) {
    if (parseTopic(topic)?.parameters.type !== "sums") continue;
    const sender = aggregatorId(Number(parseTopic(topic)?.parameters.agg));
    const sums = sumsMessage.parse(decodeCbor(verify1(plaintext, directory, serverContext(sender, "utility")).payload));
    const id = Buffer.from(sums.setId).toString("hex");
    bySet.set(id, [...(bySet.get(id) ?? []), sums]);
  }
  const totals = [...bySet.values()].flatMap((answers) =>
    [...members(answers[0]!.have)].map((_, i) => {
      const points = new Map(answers.map(({ aggregator, values }) => [aggregator, readElement(values, 8 * i)]));
      return interpolate(
        [...points].map(([x, y]) => ({ x, y })),
        2,
      ).value;
    }),
  );
  for (const meter of METERS) {
    const bands = utilityDb
      .prepare("SELECT energy_wh FROM current_bill_totals WHERE meter_id = ? AND kind = 'import' AND energy_wh > 0")
      .pluck()
      .all(meter) as number[];
    assert.equal(bands.length, 3);
    assert.equal(
      bands.reduce((sum, value) => sum + value, 0),
      dayTotal(meter),
    );
    for (const value of bands) assert.ok(totals.includes(BigInt(value)));
  }
  for (const total of totals) assert.ok(!every.includes(total), "a sum is no reading");
});

test("each aggregator opens its own shares and letters, whatever passes it, and no other's", async () => {
  for (const index of [1, 2, 3]) {
    const id = aggregatorId(index);
    const aggregator = new Holder().takeFolder(folder(id));
    const opened = await aggregator.open(recording.published);
    assert.deepEqual(aggregatorsOf(opened), [index]);
    assert.deepEqual([...new Set(opened.acks.map((ack) => ack.aggregator))], [index]);
    assert.deepEqual(recipientsOf(opened), [id]);
    assert.equal(readingsFrom(opened).size, 0);
    // Its database adds no key of another, and no reading: on the letters of one meter, since there is much to try.
    aggregator.takeFile(database(id, "aggregator.db"));
    const ofOne = recording.published.filter(({ topic }) => parseTopic(topic)?.parameters.meter === "m-1");
    assert.deepEqual(aggregatorsOf(await aggregator.open(ofOne)), [index]);
  }
});

test("control: the database of an aggregator alone gives its shares away, for it holds the keys", async () => {
  const ofOne = recording.published.filter(({ topic }) => topic === topicOf("share", { meter: "m-1", agg: "2" }));
  const thief = new Holder().takeFile(database("a-2", "aggregator.db"));
  const opened = await thief.open(ofOne);
  const plain = opened.shares.map(({ message }) => message.entries);
  assert.deepEqual(numbersIn(plain, shares.get(2)!.slice(0, DAY_SLOTS)), shares.get(2)!.slice(0, DAY_SLOTS));
});

test("the utility, with its database and all that passes the broker, opens no share, no ack and no bill", async () => {
  const utility = new Holder().takeFolder(folder("utility"));
  const opened = await utility.open(recording.published);
  assert.deepEqual({ ...opened, sealed: recipientsOf(opened) }, { shares: [], acks: [], sealed: ["utility"] });
  utility.takeFile(database("utility", "utility.db"));
  for (const { plaintext } of opened.sealed) utility.takeBytes(plaintext);
  const ofOne = recording.published.filter(({ topic }) => parseTopic(topic)?.parameters.meter === "m-1");
  assert.deepEqual(await utility.open(ofOne), { shares: [], acks: [], sealed: [] });
  // Nor does any number in its database equal a reading, or anything that it received a share.
  const numbers = numbersOf(utilityDb);
  for (const meter of METERS) assert.ok(numbers.has(BigInt(dayTotal(meter))), "totals are there");
  assert.deepEqual(
    every.flatMap((value) => numbers.get(value) ?? []),
    [],
  );
  // Sums of shares are random numbers and zeros: no small number means anything in them, a share would.
  const received = opened.sealed.map(({ plaintext }) => plaintext);
  assert.deepEqual(numbersIn(received, [...shares.values()].flat()), []);
});

test("control: with the folders of t aggregators the utility has every reading", async () => {
  const utility = new Holder().takeFolder(folder("utility")).takeFolder(folder("a-2")).takeFolder(folder("a-3"));
  assertEveryReading(readingsFrom(await utility.open(on("share"))));
});

/** What the utility was told, as cells added up. */
function released(): number[][] {
  const sets = utilityDb.prepare("SELECT content FROM rounds WHERE content IS NOT NULL").pluck().all() as Uint8Array[];
  return sets.flatMap((content) => totalsOf(setContent.parse(decodeCbor(content))));
}

test("all totals together determine no reading; one set with a meter less would", () => {
  const rows = released();
  assert.equal(rows.length, METERS.length * 3 + DAY_SLOTS, "three bands for each meter, and the loads");
  assert.deepEqual(determined(rows.map((cells) => sharesAt(0n, cells))), []);
  const slot = DAY_START + 7;
  const without = METERS.slice(1).map((meter) => cell(meter, slot));
  assert.deepEqual(determined([...rows, without].map((cells) => sharesAt(0n, cells))), [cell("m-1", slot)]);
});

test("the utility and t - 1 aggregators together determine no reading; with t aggregators they have them all", () => {
  // The utility has the sums of every aggregator; a colluding aggregator adds each single share that it holds.
  const sums = released().flatMap((cells) => [1n, 2n, 3n].map((x) => sharesAt(x, cells)));
  const cells = Array.from({ length: CELLS }, (_, i) => i);
  const held = (x: bigint): Equation[] => cells.map((one) => sharesAt(x, [one]));
  for (const x of [1n, 2n, 3n]) assert.deepEqual(determined([...sums, ...held(x)]), []);
  assert.deepEqual(determined([...sums, ...held(1n), ...held(3n)]), cells);
});

test("another customer subscribes to nothing of a neighbour, and publishes nothing in their name", () => {
  assert.deepEqual(denied, [
    ...["ack", "bill", "all bills", "share", "own share", "status", "round answers", "everything", "a whole branch"],
    ...["share of another", "status of another", "a bill", "an ack", "a load"],
  ]);
  const refused = readStats(stage.data, "broker")!.refused;
  assert.equal(refused["subscribe-denied"], 9);
  assert.equal(refused["publish-denied"], 5);
});

test("a customer opens their own bill and shares, and nothing of a neighbour's, though it saw every message", async () => {
  for (const id of ["m-1", "m-2"]) {
    const opened = await new Holder().takeFolder(folder(id)).open(recording.published);
    assert.deepEqual([...new Set(opened.shares.map(({ meter }) => meter))], [id]);
    assert.deepEqual([...new Set(opened.acks.map(({ meter }) => meter))], [id]);
    assert.deepEqual(recipientsOf(opened), [id]);
    assert.deepEqual(new Set(readingsFrom(opened).values()), new Set(readings.get(id)!.map(BigInt)));
  }
  // The owner's copy came over MQTT, opens with the customer's key alone, and says what the readings add up to.
  const [owner] = meters as [WireMeter];
  const key = customerKeyObject(openMeterSecrets(folder("m-1")).customerSealKey);
  const { plaintext } = await hpkeOpen(await owner.bill(), "m-1", key);
  const { payload } = verify1(plaintext, stage.party("m-1").directory, serverContext("utility", "m-1"), "utility");
  const bill = parseBill(parseReceipt(Buffer.from(payload).toString("utf8")).bill);
  assert.deepEqual([bill.meterId, bill.energyWh], ["m-1", dayTotal("m-1")]);
  const other = customerKeyObject(openMeterSecrets(folder("m-2")).customerSealKey);
  await assert.rejects(hpkeOpen(await owner.bill(), "m-1", other), { code: "bad-seal" });
  await assert.rejects(hpkeOpen(await owner.bill(), "m-2", other), { code: "bad-seal" });
});

test("every letter was somebody's: with all folders everything opens", async () => {
  const all = new Holder();
  for (const id of [...SERVERS, ...METERS]) all.takeFolder(folder(id));
  const opened = await all.open(recording.published);
  assert.equal(opened.shares.length, sentShares());
  const addressed = recording.published.flatMap(({ topic }) => recipientOf(topic) ?? []);
  assert.deepEqual(recipientsOf(opened), [...new Set(addressed)].sort());
});

/** Every whole number in any row of any table, with the column it stands in. */
function numbersOf(db: Database): Map<bigint, string> {
  const numbers = new Map<bigint, string>();
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all() as string[];
  for (const table of tables) {
    for (const row of db.prepare(`SELECT * FROM "${table}"`).all() as Record<string, unknown>[]) {
      for (const [column, value] of Object.entries(row)) {
        for (const number of wholeNumbers(value)) numbers.set(number, `${table}.${column}`);
      }
    }
  }
  return numbers;
}

/** A number, or those that stand in a text by themselves, not as digits of a hash or a date. */
function wholeNumbers(value: unknown): bigint[] {
  if (typeof value === "number") return Number.isInteger(value) ? [BigInt(value)] : [];
  return typeof value === "string" ? (value.match(/(?<![\w.+/=-])\d+(?![\w.+/=-])/g) ?? []).map(BigInt) : [];
}

const CELLS = METERS.length * DAY_SLOTS;

/** A cell as the number of an unknown: its reading. The other coefficient of its polynomial is CELLS further. */
function cell(meter: string, slot: number): number {
  return METERS.indexOf(meter) * DAY_SLOTS + (slot - DAY_START);
}

/** A linear equation: coefficients by unknown. */
type Equation = ReadonlyMap<number, bigint>;

/** The sum of the shares at x of some cells, reading + x times the other coefficient; at 0 the sum of the readings. */
function sharesAt(x: bigint, cells: readonly number[]): Equation {
  return new Map(
    cells.flatMap((one): [number, bigint][] => [
      [one, 1n],
      ...(x === 0n ? [] : [[CELLS + one, x] as [number, bigint]]),
    ]),
  );
}

/** The cells that each total of a set adds up. */
function totalsOf({ purpose, meters: listed, segments, kinds, schemes, assignment, units }: SetContent): number[][] {
  const [from] = segments[0]!;
  const position = kinds.indexOf(1);
  if (purpose === "load") {
    return units.flatMap(([bitmap], index) => {
      const slot = from + Math.floor(index / kinds.length);
      const row = [...members(bitmap)].map((meter) => cell(listed[meter]!, slot));
      return index % kinds.length === position && row.length > 0 ? [row] : [];
    });
  }
  return listed.flatMap((meter, i) => {
    const held = new Set(members(units[i * kinds.length + position]![0]));
    const rows = schemes[assignment[i]!]!.bands.filter(({ kind }) => kind === 1).map(({ masks }) =>
      [...members(masks[0]!)].filter((slot) => held.has(slot)).map((slot) => cell(meter, from + slot)),
    );
    return rows.filter((row) => row.length > 0);
  });
}

/** The readings that a system determines: those that stand alone in a row of its reduced echelon form. */
function determined(equations: readonly Equation[]): number[] {
  const rows = equations.map((equation) => new Map(equation));
  const pivots: Map<number, bigint>[] = [];
  // The other coefficients go first, so that what is left speaks of readings alone.
  for (let step = 0; step < 2 * CELLS; step++) {
    const column = (step + CELLS) % (2 * CELLS);
    const at = rows.findIndex((row) => row.has(column));
    if (at < 0) continue;
    const [lead] = rows.splice(at, 1) as [Map<number, bigint>];
    const scale = inverse(lead.get(column)!);
    for (const [i, value] of lead) lead.set(i, multiply(value, scale));
    for (const row of [...rows, ...pivots]) eliminate(row, lead, column);
    pivots.push(lead);
  }
  const alone = pivots.filter((row) => row.size === 1).flatMap((row) => [...row.keys()]);
  return alone.filter((column) => column < CELLS).sort((a, b) => a - b);
}

function eliminate(row: Map<number, bigint>, lead: Equation, column: number): void {
  const factor = row.get(column);
  if (factor === undefined) return;
  for (const [i, value] of lead) {
    const rest = add(row.get(i) ?? 0n, negate(multiply(factor, value)));
    if (rest === 0n) row.delete(i);
    else row.set(i, rest);
  }
}
