/**
 * What the values of a telegram amount to: registers in watt-hours, power in watts. The same for every protocol, since
 * all of them name their values by OBIS codes (IEC 62056-61): 1-b:1.8.e is energy drawn, 1-b:2.8.e energy fed in.
 */
import { energyOf, floorOf, powerOf, roundOf, sum } from "./decimal.ts";
import type { Decimal, ObisValue, Registers, Skipped } from "./reader.ts";

/** A register that cannot be believed. `obis` says which. */
export class RegisterError extends Error {
  readonly obis: string;
  constructor(obis: string, what: string) {
    super(`register ${obis}: ${what}`);
    this.obis = obis;
  }
}

const ENERGY = /^1-(\d+):([12])\.8\.(\d+)$/;
/** Above this a register is no household's, and a difference no longer an exact number. */
const MAX_WH = BigInt(Number.MAX_SAFE_INTEGER);
const KWH = { digits: 1n, exponent: 3 };

interface EnergyRegister {
  readonly value: ObisValue;
  readonly channel: string;
  readonly direction: "1" | "2";
  readonly tariff: number;
}

/** Everything that `values` says about cumulative energy. */
function energyRegisters(values: readonly ObisValue[]): EnergyRegister[] {
  const registers = values.flatMap((value): EnergyRegister[] => {
    const match = value.log === undefined ? ENERGY.exec(value.obis) : null;
    if (match === null) return [];
    const [, channel = "", direction, tariff] = match;
    return [{ value, channel, direction: direction as "1" | "2", tariff: Number(tariff) }];
  });
  // A second channel is another measuring point of the same meter; the first one is the connection.
  return registers.filter(({ channel }) => channel === registers[0]?.channel);
}

/**
 * Registers in whole watt-hours. Throws RegisterError when one is no energy, negative, too large, or there twice, and
 * when one of several that would be added up was not understood (`skipped`): the sum would dip.
 */
export function registersOf(values: readonly ObisValue[], skipped: readonly Skipped[] = []): Registers {
  const registers = energyRegisters(values);
  for (const { at } of skipped) {
    const direction = ENERGY.exec(at)?.[2];
    const same = registers.filter((register) => register.direction === direction);
    if (same.length > 0 && !same.some(({ tariff }) => tariff === 0)) throw new RegisterError(at, "not understood");
  }
  const importWh = totalOf(registers.filter(({ direction }) => direction === "1"));
  const exportWh = totalOf(registers.filter(({ direction }) => direction === "2"));
  return { ...(importWh === undefined ? {} : { importWh }), ...(exportWh === undefined ? {} : { exportWh }) };
}

function totalOf(registers: readonly EnergyRegister[]): number | undefined {
  const byTariff = new Map<number, Decimal>();
  for (const { value, tariff } of registers) {
    const energy = typeof value.value === "string" ? undefined : energyOf(value.value, value.unit);
    if (energy === undefined) throw new RegisterError(value.obis, "not an energy");
    if (energy.digits < 0n) throw new RegisterError(value.obis, "negative");
    if (floorOf(energy) > MAX_WH) throw new RegisterError(value.obis, "too large");
    const before = byTariff.get(tariff);
    if (before !== undefined && sum([before, { ...energy, digits: -energy.digits }]).digits !== 0n) {
      throw new RegisterError(value.obis, "two different values");
    }
    byTariff.set(tariff, energy);
  }
  if (byTariff.size === 0) return undefined;
  const total = byTariff.get(0);
  return Number(floorOf(total ?? sum([...byTariff.values()])));
}

/** Present power in whole watts: 16.7.0 is signed; else 1.7.0 less 2.7.0. */
export function powerWOf(values: readonly ObisValue[]): number | undefined {
  const [signed, drawn, fed] = ["16.7.0", "1.7.0", "2.7.0"].map((code) => {
    const found = values.find(
      ({ obis, log }) => log === undefined && /^1-\d+:/.test(obis) && obis.endsWith(`:${code}`),
    );
    return found === undefined || typeof found.value === "string" ? undefined : powerOf(found.value, found.unit);
  });
  if (signed === undefined && drawn === undefined && fed === undefined) return undefined;
  const parts = signed === undefined ? [drawn ?? ZERO, { ...(fed ?? ZERO), digits: -(fed ?? ZERO).digits }] : [signed];
  const power = Number(roundOf(sum(parts)));
  return Number.isSafeInteger(power) ? power : undefined;
}

const ZERO: Decimal = { digits: 0n, exponent: 0 };

/** Whether the meter shows nothing finer than kilowatt-hours, and no power: what meters do before their PIN is entered. */
export function showsOnlyKilowattHours(values: readonly ObisValue[]): boolean {
  const registers = energyRegisters(values);
  return (
    registers.length > 0 &&
    powerWOf(values) === undefined &&
    registers.every(({ value }) => {
      const energy = typeof value.value === "string" ? undefined : energyOf(value.value, value.unit);
      return energy !== undefined && isWholeKilowattHours(energy);
    })
  );
}

function isWholeKilowattHours(energy: Decimal): boolean {
  const exponent = Math.min(energy.exponent, KWH.exponent);
  return (energy.digits * 10n ** BigInt(energy.exponent - exponent)) % 10n ** BigInt(KWH.exponent - exponent) === 0n;
}

/** A meter's number that may be sent as hexadecimal of its characters (DSMR); as it is when it is not that. */
export function plainId(text: string): string {
  if (text.length % 2 !== 0 || !/^(?:[2-7][0-9a-fA-F])+$/.test(text)) return text;
  const decoded = Buffer.from(text, "hex").toString("latin1");
  return /^[\x20-\x7e]+$/.test(decoded) ? decoded.trim() : text;
}
