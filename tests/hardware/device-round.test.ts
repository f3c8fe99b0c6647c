/**
 * The committed binary in the emulator, on a pseudo-terminal, through the real serial driver and the real gateway
 * process, in a full round of real servers: its bill is exact to the pulse, next to other meters. And a party that has
 * the gateway's whole disk and all of its traffic reads nothing of the device; with the keys the same code reads it all.
 */
// needs: socat
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { openDatabase } from "../../config/runtime/database.ts";
import { seededRandom } from "../../firmware-sim/emulator/virtual-bed.ts";
import { until } from "../../hardware/gateway/testing/pty.ts";
import { readElement } from "../../protocol/field.ts";
import { customerBill } from "../../protocol/messages/bill.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { parseTopic } from "../../protocol/topics.ts";
import { plainBill } from "../fleet/testing/plain-bill.ts";
import { Holder, numbersIn, type Opened } from "../testing/holder.ts";
import { readRecording, RECORDING_FILE, type Recording } from "../testing/recording.ts";
import { DAY_SLOTS, DAY_START, SLOT_SECONDS, Stage } from "../testing/stage.ts";
import { seeded, WireMeter } from "../testing/wire-meter.ts";
import { GatewayProcess } from "./testing/gateway-process.ts";
import { LiveDevice } from "./testing/live-device.ts";

const DEVICE = "m-1";
const OTHERS = ["m-2", "m-3", "m-4", "m-5", "m-6"];
/** An odd constant: the rest of every division has to be carried. */
const PULSES_PER_KWH = 375;
/** Shorter than the device's patience with its link. */
const STEP_SECONDS = 120;

const random = seeded("pulses of a device");
const pulses = Array.from({ length: DAY_SLOTS }, () => 4_000 + random(4_000));
/** What the device's readings must be: differences of a register of whole watt-hours. */
const readings = pulses.map((_, hour) => registerAfter(hour + 1) - registerAfter(hour));
function registerAfter(slots: number): number {
  const sum = pulses.slice(0, slots).reduce((total, count) => total + count, 0);
  return Math.floor((sum * 1_000) / PULSES_PER_KWH);
}

const GATEWAY = mkdtempSync(path.join(tmpdir(), "wv-gateway-disk-"));
const live = new LiveDevice(seededRandom(7));
const bill = { text: "" };
let stage: Stage;
let gateway: GatewayProcess | undefined;
let recording: Recording;
/** The meter's folder as it was before its device took the keys over. */
const KEPT = path.join(GATEWAY, "..", `${path.basename(GATEWAY)}-kept`);

before(async () => {
  stage = await Stage.open({
    meters: [DEVICE, ...OTHERS].map((meter) => ({ meter, feeder: "f-1" })),
    brokerEntry: "tests/testing/recording-broker-main.ts",
    firstSlot: DAY_START - 1,
  });
  // The gateway is another computer: of all keys it has those of its meter.
  mkdirSync(path.join(GATEWAY, "keys"), { mode: 0o700 });
  cpSync(stage.keys(DEVICE), path.join(GATEWAY, "keys", DEVICE), { recursive: true });
  cpSync(stage.keys(DEVICE), KEPT, { recursive: true });
  live.device.setJumper(true);
  await live.start();
  const common = [
    ...["--config", path.join(stage.data, "config.yaml"), "--data", GATEWAY, "--port", live.port, "--meter", DEVICE],
    ...["--set", `paths.logs=${path.join(GATEWAY, "logs")}`],
  ];
  const provisioning = new GatewayProcess(["provision", ...common, "--pulses-per-kwh", String(PULSES_PER_KWH)]);
  assert.equal(await provisioning.ended, 0, provisioning.stderr);
  live.device.setJumper(false);
  // Whoever provisions does it where nobody listens.
  live.traffic.splice(0);

  gateway = new GatewayProcess([...common, "--kind", "wattveil"]);
  await until(() => live.links > 0, "the gateway to find its device");
  live.hold();
  await theDay();
  const meters = await Promise.all(OTHERS.map((meter) => WireMeter.open(stage, meter)));
  for (const [i, meter] of meters.entries()) await meter.report(DAY_START, otherReadings(i));
  await stage.setSlot(DAY_START + DAY_SLOTS + 8);
  await stage.startUtility();
  await Promise.all(meters.map((meter) => meter.bill()));
  const bills = path.join(GATEWAY, DEVICE, "bills");
  // Beside it lie its receipt and what that proves.
  const kept = (): string[] => (existsSync(bills) ? readdirSync(bills).filter((name) => name.endsWith(".json")) : []);
  await until(() => kept().length === 1, "the device's bill");
  bill.text = readFileSync(path.join(bills, kept()[0]!), "utf8");
  await gateway.stop();
  for (const name of ["utility", "a-1", "a-2", "a-3", "broker"]) await stage.supervisor.stop(name);
  recording = readRecording(path.join(stage.data, RECORDING_FILE));
});
after(async () => {
  await gateway?.stop();
  await live.stop();
  await stage.close();
  for (const folder of [GATEWAY, KEPT]) rmSync(folder, { recursive: true, force: true });
});

function otherReadings(index: number): number[] {
  return Array.from({ length: DAY_SLOTS }, (_, hour) => 100 * index + hour);
}

/** The device's pulses, the system's clock and the device's own, hand in hand through a day. */
async function theDay(): Promise<void> {
  let time = DAY_START * SLOT_SECONDS - 600;
  const pass = async (seconds: number): Promise<void> => {
    const links = live.links;
    time += seconds;
    await stage.setTime(time);
    await live.driveUntil(() => live.links > links, "the gateway to follow the clock");
    await live.drive(seconds);
  };
  await pass(STEP_SECONDS);
  // Without the time of t aggregators there are no slots.
  for (let tries = 0; (live.status?.time ?? 0) === 0 && tries < 10; tries++) await pass(40);
  while (time < DAY_START * SLOT_SECONDS) await pass(Math.min(STEP_SECONDS, DAY_START * SLOT_SECONDS - time));
  for (const count of pulses) {
    // Away from the boundaries, which the device sees some seconds late.
    live.device.planPulses(count, 240, SLOT_SECONDS - 480);
    for (let passed = 0; passed < SLOT_SECONDS; passed += STEP_SECONDS) await pass(STEP_SECONDS);
  }
  for (let tries = 0; tries < 60; tries++) {
    await pass(STEP_SECONDS);
    if (tries > 2 && live.status?.pending === 0) return;
  }
  await gateway?.stop();
  const figures = readFileSync(path.join(GATEWAY, `${DEVICE}-gateway`, "stats.json"), "utf8");
  assert.fail(`readings are still waiting: ${JSON.stringify(live.status)}\n${figures}${gateway?.stderr}`);
}

test("the bill of the device is exact to the pulse, in every band, next to the other meters", () => {
  const { energyWh, rows, gaps, status } = customerBill.parse(JSON.parse(bill.text));
  assert.equal(energyWh, registerAfter(DAY_SLOTS));
  assert.deepEqual(gaps, []);
  assert.equal(status, "final");
  const truth = plainBill(
    readings.map((importWh, hour) => ({
      ...{ meter: DEVICE, feeder: "f-1", importWh, exportWh: 0 },
      start: (DAY_START + hour) * SLOT_SECONDS,
    })),
    1,
  );
  for (const [band, row] of truth.rows) {
    if (row.energyWh === 0) continue;
    assert.equal(rows.find((one) => one.band === band)?.energyWh, row.energyWh, band);
  }
  const database = openDatabase(path.join(stage.data, "utility", "utility.db"), {
    synchronous: "NORMAL",
    readonly: true,
  });
  const bills = database.prepare("SELECT meter_id AS id, energy_wh AS wh, status FROM current_bills ORDER BY 1").all();
  const loads = database
    .prepare("SELECT energy_wh FROM feeder_loads WHERE status = 'final' ORDER BY slot_start")
    .pluck()
    .all();
  database.close();
  const total = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0);
  assert.deepEqual(bills, [
    { id: DEVICE, wh: registerAfter(DAY_SLOTS), status: "final" },
    ...OTHERS.map((id, i) => ({ id, wh: total(otherReadings(i)), status: "final" })),
  ]);
  assert.deepEqual(
    loads,
    readings.map((own, hour) => own + total(OTHERS.map((_, i) => otherReadings(i)[hour]!))),
  );
});

/** Every file below a folder. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((one) => one.isFile())
    .map((one) => path.join(one.parentPath, one.name));
}

/** Whoever has the gateway's disk, and heard everything on its line and its connection. */
function thief(): Holder {
  const holder = new Holder().takeFolder(path.join(GATEWAY, "keys", DEVICE));
  for (const file of filesOf(GATEWAY)) holder.takeFile(file);
  return holder.takeBytes(Buffer.concat(live.traffic));
}

function ofDevice() {
  return recording.published.filter(({ topic }) => parseTopic(topic)?.parameters.meter === DEVICE);
}

/** What t shares of one slot give, by slot. */
function readingsFrom({ shares }: Opened): Map<number, bigint> {
  const points = new Map<number, Map<number, bigint>>();
  for (const { aggregator, message } of shares) {
    const known = points.get(message.firstSlot) ?? points.set(message.firstSlot, new Map()).get(message.firstSlot)!;
    known.set(aggregator, readElement(message.entries, 0));
  }
  const complete = [...points].filter(([, known]) => known.size >= 2);
  const valueOf = (known: ReadonlyMap<number, bigint>): bigint =>
    interpolate(
      [...known].map(([x, y]) => ({ x, y })),
      2,
    ).value;
  return new Map(complete.map(([slot, known]) => [slot, valueOf(known)]));
}

function assertEveryReading(found: ReadonlyMap<number, bigint>): void {
  for (const [hour, reading] of readings.entries()) assert.equal(found.get(DAY_START + hour), BigInt(reading));
}

test("the gateway's whole disk and traffic open no share and no ack of the device, and show no reading", async () => {
  const published = ofDevice();
  assert.ok(published.filter(({ topic }) => parseTopic(topic)?.name === "share").length >= 3 * DAY_SLOTS);
  assert.ok(live.traffic.length > 3 * DAY_SLOTS, "the line was heard");
  const holder = thief();
  assert.ok(holder.keys > 1_000, "it has much to try");
  const opened = await holder.open(published);
  assert.deepEqual([opened.shares, opened.acks], [[], []]);
  // The household's own bill comes to its gateway: sums over bands, and no reading.
  assert.deepEqual([...new Set(opened.sealed.map(({ topic }) => parseTopic(topic)?.name))], ["bill"]);
  const seen = [
    ...filesOf(GATEWAY).map((file) => readFileSync(file)),
    ...opened.sealed.map(({ plaintext }) => Buffer.from(plaintext)),
    Buffer.concat(live.traffic),
  ];
  assert.deepEqual(numbersIn(seen, readings.map(BigInt)), []);
  assert.deepEqual(numbersIn(seen, [BigInt(registerAfter(DAY_SLOTS))]), [BigInt(registerAfter(DAY_SLOTS))]);
});

test("control: the same party with the keys that the device took over, or with two aggregators', reads every slot", async () => {
  assertEveryReading(readingsFrom(await thief().takeFolder(KEPT).open(ofDevice())));
  const aggregators = thief().takeFolder(stage.keys("a-1")).takeFolder(stage.keys("a-3"));
  assertEveryReading(readingsFrom(await aggregators.open(ofDevice())));
});

test("control: with one aggregator's keys there are shares, and no reading", async () => {
  const opened = await thief().takeFolder(stage.keys("a-2")).open(ofDevice());
  assert.ok(opened.shares.length >= DAY_SLOTS);
  assert.equal(readingsFrom(opened).size, 0);
});
