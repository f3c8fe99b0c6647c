/**
 * What reading real meters costs a gateway: telegrams as meters send them, in the portions that USB serial adapters
 * deliver, through the readers. Ports, logs and the agent behind them are not in it.
 */
import { crcArc } from "../hardware/readers/crc16.ts";
import { D0Reader } from "../hardware/readers/d0.ts";
import { P1Reader } from "../hardware/readers/p1.ts";
import type { MeterReader } from "../hardware/readers/reader.ts";
import { SmlReader } from "../hardware/readers/sml.ts";
import { figure, figuresTable } from "./words.ts";

/** A USB packet of a full-speed serial adapter. */
const PORTION = 64;
const METERS = 10;
/** Of one core, for the whole gateway with ten meters of a telegram per second. */
const TARGET_PERCENT = 5;

interface Protocol {
  readonly name: string;
  readonly reader: () => MeterReader;
  readonly telegram: Uint8Array;
}

interface ReaderFigures {
  readonly name: string;
  readonly telegramBytes: number;
  readonly telegramsPerSecond: number;
  readonly megabytesPerSecond: number;
  /** Processor time per telegram. */
  readonly cpuMicroseconds: number;
  /** Of one core, for ten meters that send one telegram per second. */
  readonly tenMetersPercent: number;
}

/** Measures every reader; `quick` takes fewer rounds. Throws when a telegram is not read. */
export function run({ json, quick }: { json: boolean; quick: boolean }): Promise<Record<string, unknown>> {
  const readers = PROTOCOLS.map((protocol) => measure(protocol, quick ? 5 : 25));
  const worst = Math.max(...readers.map(({ tenMetersPercent }) => tenMetersPercent));
  if (!json) {
    process.stdout.write(`${table(readers)}\n`);
    process.stdout.write(
      `ten meters, a telegram per second: ${figure(worst, 3)} % of one core at most; the whole gateway may take ${TARGET_PERCENT} %\n`,
    );
  }
  return Promise.resolve({ readers, meters: METERS, portionBytes: PORTION, targetPercent: TARGET_PERCENT });
}

function measure({ name, reader, telegram }: Protocol, rounds: number): ReaderFigures {
  const perRound = 1000;
  const line = reader();
  const read = (): void => {
    let telegrams = 0;
    for (let number = 0; number < perRound; number++) {
      for (let at = 0; at < telegram.length; at += PORTION) {
        for (const event of line.push(telegram.subarray(at, at + PORTION)))
          telegrams += Number(event.type === "telegram");
      }
    }
    if (telegrams !== perRound) throw new Error(`${name}: ${telegrams} of ${perRound} telegrams were read`);
  };
  for (let round = 0; round < 3; round++) read(); // until the compiler has settled
  let [bestMs, bestCpu] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    const [start, cpu] = [performance.now(), process.cpuUsage()];
    read();
    bestMs = Math.min(bestMs, performance.now() - start);
    const { user, system } = process.cpuUsage(cpu);
    bestCpu = Math.min(bestCpu, (user + system) / perRound);
  }
  return {
    name,
    telegramBytes: telegram.length,
    telegramsPerSecond: Math.round((1000 * perRound) / bestMs),
    megabytesPerSecond: Math.round((telegram.length * perRound) / bestMs / 10) / 100,
    cpuMicroseconds: Math.round(10 * bestCpu) / 10,
    tenMetersPercent: Math.round(METERS * bestCpu * 0.1) / 1000,
  };
}

function table(readers: readonly ReaderFigures[]): string {
  return figuresTable(
    ["reader", "bytes each", "telegrams/s", "MB/s", "CPU each (us)", "ten meters (% of a core)"],
    readers.map((reader) => [
      reader.name,
      figure(reader.telegramBytes),
      figure(reader.telegramsPerSecond),
      figure(reader.megabytesPerSecond, 2),
      figure(reader.cpuMicroseconds, 1),
      figure(reader.tenMetersPercent, 3),
    ]),
  );
}

const PHASES = [1, 2, 3].flatMap((phase) => [
  `1-0:${phase}2.7.0(23${phase}.4*V)`,
  `1-0:${phase}1.7.0(001*A)`,
  `1-0:${2 * phase}1.7.0(00.${phase}70*kW)`,
  `1-0:${2 * phase}2.7.0(00.000*kW)`,
]);

const P1_LINES = [
  "/ISK5\\2M550T-1012",
  "",
  "1-3:0.2.8(50)",
  "0-0:1.0.0(260115112030W)",
  "0-0:96.1.1(4530303434303037333832323436303139)",
  "1-0:1.8.1(001581.123*kWh)",
  "1-0:1.8.2(001435.706*kWh)",
  "1-0:2.8.1(000027.001*kWh)",
  "1-0:2.8.2(004300.999*kWh)",
  "0-0:96.14.0(0002)",
  "1-0:1.7.0(00.000*kW)",
  "1-0:2.7.0(01.234*kW)",
  "0-0:96.7.21(00015)",
  "1-0:99.97.0(2)(0-0:96.7.19)(000104180320W)(0000237126*s)(101208152415W)(0000000240*s)",
  "1-0:32.32.0(00002)",
  "1-0:52.32.0(00001)",
  "0-0:96.13.0()",
  ...PHASES,
  "0-1:24.1.0(003)",
  "0-1:96.1.0(4730303235303033323736383535353135)",
  "0-1:24.2.1(260115111500W)(00981.443*m3)",
  "",
].join("\r\n");

function p1(): Uint8Array {
  const checked = `${P1_LINES}!`;
  const crc = crcArc(Buffer.from(checked)).toString(16).toUpperCase().padStart(4, "0");
  return Buffer.from(`${checked}${crc}\r\n`);
}

/** Two totals, four tariffs, power; in ten-thousandths of watt-hours. */
const SML =
  "1b1b1b1b01010101760400630162006200726301017601010301020b0a0149534b00047a55440101637918007604006302620062007263" +
  "070177010b0a0149534b00047a5544070100620affff726201650000004d797707010060320101010101010449534b0177070100010800" +
  "ff0101621e52fc6900000007062bb9df0177070100020800ff0101621e52fc690000000a13b064000177070100010801ff0101621e5200" +
  "65001820430177070100010802ff0101621e5200650015e83a0177070100020801ff0101621e520065000069790177070100020802ff01" +
  "01621e5200650041a0c70177070100010800010101621e520065000000010177070100010700ff0101621b52fe55fffe1df8010101633e" +
  "e700760400630362006200726302017101632291001b1b1b1b1a001fc6";

function d0(): Uint8Array {
  const lines = [
    "C.1.0(30123456)",
    "1.8.1(001581.123*kWh)",
    "1.8.2(001435.706*kWh)",
    "2.8.0(004328.000*kWh)",
    "16.7.0(-01.234*kW)",
  ];
  const block = Buffer.from(`${lines.join("\r\n")}\r\n!\r\n\x03`);
  const check = block.reduce((sum, byte) => sum ^ byte, 0);
  return Buffer.concat([Buffer.from("/ESY5Q3DA1004 V3.04\r\n\x02"), block, Buffer.of(check)]);
}

const PROTOCOLS: readonly Protocol[] = [
  { name: "P1 (DSMR 5)", reader: () => new P1Reader(), telegram: p1() },
  { name: "SML", reader: () => new SmlReader(), telegram: Buffer.from(SML, "hex") },
  { name: "D0", reader: () => new D0Reader(), telegram: d0() },
];
