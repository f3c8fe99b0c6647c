/**
 * SML telegrams of real meters. Their manifest is a list like that of the P1 telegrams: `file` (bytes, or hexadecimal
 * text), `crc_valid`, and in `obis` a value for each code, "86038387975e-4*Wh" or as a decimal number, or a text.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { z } from "zod";
import { parseDecimal, sum } from "./decimal.ts";
import type { Decimal, Telegram } from "./reader.ts";
import { SmlReader } from "./sml.ts";
import { forEachShared } from "./testing/shared-data.ts";

const manifestSchema = z.array(
  z.object({
    file: z.string(),
    crc_valid: z.boolean().nullish(),
    obis: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  }),
);

forEachShared("sml", manifestSchema, (entry, read) => {
  test(`${entry.file}: verdict and values as stated`, () => {
    const events = new SmlReader().push(bytesOf(read(entry.file)));
    const [telegram] = events.filter((event) => event.type === "telegram");
    if (entry.crc_valid === false) {
      assert.equal(telegram, undefined);
      assert.ok(events.some((event) => event.type === "fault" && event.code === "bad-crc"));
      return;
    }
    assert.ok(telegram !== undefined, events.map((event) => (event.type === "fault" ? event.detail : "")).join());
    for (const [obis, stated] of Object.entries(entry.obis ?? {}))
      compare(telegram, obis.replace(/\*255$/, ""), String(stated));
  });
});

function bytesOf(content: Buffer): Buffer {
  const text = content.toString("latin1").replace(/\s/g, "");
  return /^(?:[0-9a-fA-F]{2})+$/.test(text) ? Buffer.from(text, "hex") : content;
}

function compare(telegram: Telegram, obis: string, stated: string): void {
  const found = telegram.values.find((value) => value.obis === obis);
  assert.ok(found !== undefined, `${obis} is not there`);
  if (typeof found.value === "string") {
    assert.equal(found.value.toLowerCase(), stated.toLowerCase());
    return;
  }
  const [number = "", unit] = stated.split(/[* ]/);
  const [digits = "", power = "0"] = number.split("e");
  const expected = parseDecimal(digits);
  assert.ok(expected !== undefined, `${obis}: ${stated} is no number`);
  const shifted: Decimal = { digits: -expected.digits, exponent: expected.exponent + Number(power) };
  assert.equal(
    sum([found.value, shifted]).digits,
    0n,
    `${obis}: ${found.value.digits}e${found.value.exponent}, stated ${stated}`,
  );
  if (unit !== undefined) assert.equal(found.unit, unit);
}
