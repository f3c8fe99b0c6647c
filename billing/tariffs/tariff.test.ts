/** What a tariff file may say, and what it is told when it says something else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { TariffError } from "./faults.ts";
import { loadTariff, parseTariffYaml } from "./load.ts";
import { localDate } from "./local-time.ts";
import { equal, rational } from "./rational.ts";
import { parseTariff, versionAt } from "./tariff.ts";
import { WEEK_MINUTES } from "./week.ts";

const HEAD = "id: house\ncurrency: EUR\ntimezone: Europe/Berlin\nversions:\n";
const FLAT = "import: { flat: { priceMicroPerKwh: 300000 } }";

function faultsOf(yaml: string): readonly string[] {
  try {
    parseTariffYaml(yaml);
  } catch (error) {
    assert.ok(error instanceof TariffError, String(error));
    return error.faults.map((fault) => `${fault.path}: ${fault.message}`);
  }
  return [];
}

function bandFaults(...bands: string[]): readonly string[] {
  const lines = bands.map((band) => `        - ${band}\n`).join("");
  return faultsOf(`${HEAD}  - from: 2024-01-01\n    import:\n      bands:\n${lines}`);
}

test("reads a flat rate with everything that has a default", () => {
  const tariff = parseTariffYaml(`${HEAD}  - { from: 2024-01-01, ${FLAT} }`);
  const version = versionAt(tariff, localDate("2030-12-31"));
  assert.deepEqual(version.bands, [{ name: "flat", tiers: [{ priceMicroPerKwh: 300000n }] }]);
  assert.equal(version.to, undefined);
  assert.equal(version.standingMicroPerDay, 0n);
  assert.equal(version.exportMicroPerKwh, 0n);
  assert.equal(version.catchupMicroPerKwh, 300000n);
  assert.equal(version.tax.exportCredit, "untaxed");
  assert.equal(version.tax.rate.num, 0n);
});

test("reads integers and decimals exactly, quoted or not, beyond what a float can hold", () => {
  const tax = 'standingMicroPerDay: "999999999999", tax: { rate: 0.190000000001 }';
  const version = versionAt(
    parseTariffYaml(`${HEAD}  - { from: 2024-01-01, ${FLAT}, ${tax} }`),
    localDate("2024-01-01"),
  );
  assert.equal(version.standingMicroPerDay, 999_999_999_999n);
  assert.ok(equal(version.tax.rate, rational(190_000_000_001n, 10n ** 12n)));
});

test("takes the same tariff from plain values, but no floating-point rate", () => {
  const plain = (rate: unknown) => ({
    id: "house",
    currency: "EUR",
    timezone: "UTC",
    versions: [{ from: "2024-01-01", import: { flat: { priceMicroPerKwh: 5 } }, tax: { rate } }],
  });
  assert.equal(parseTariff(plain("0.2")).versions[0]?.bands[0]?.tiers[0]?.priceMicroPerKwh, 5n);
  assert.throws(() => parseTariff(plain(0.2)), /versions\[0\]\.tax\.rate: expected a decimal in text form/);
});

test("refuses unknown keys everywhere and reports all faults together with their paths", () => {
  const faults = faultsOf(`id: House
currency: ERU
timezone: Europe/Berlim
vat: 1
versions:
  - from: 2024-02-30
    import:
      flat: { priceMicroPerKwh: 0.3, prize: 1 }
    standingMicroPerDay: -1
    export: {}
    tax: { rate: 19, exportCredit: maybe }
  - from: 2025-01-01
    import:
      bands:
        - { name: Peak, priceMicroPerKwh: 1, when: [{ from: "25:00", days: mo }] }
`);
  const paths = faults.map((fault) => fault.slice(0, fault.indexOf(":")));
  assert.deepEqual(paths.sort(), [
    "currency",
    "id",
    "timezone",
    "vat",
    "versions[0].export.priceMicroPerKwh",
    "versions[0].from",
    "versions[0].import.flat.priceMicroPerKwh",
    "versions[0].import.flat.prize",
    "versions[0].standingMicroPerDay",
    "versions[0].tax.exportCredit",
    "versions[0].tax.rate",
    "versions[1].import.bands[0].name",
    "versions[1].import.bands[0].when[0].days",
    "versions[1].import.bands[0].when[0].from",
  ]);
});

test("names the times that no band covers", () => {
  const faults = bandFaults(
    '{ name: day, priceMicroPerKwh: 1, when: [{ days: mon-fri, from: "06:00", to: "22:00" }] }',
    '{ name: night, priceMicroPerKwh: 1, when: [{ from: "22:30", to: "06:00" }] }',
  );
  assert.deepEqual(faults, [
    "versions[0].import.bands: mon, tue, wed, thu, fri 22:00 to 22:30 is in no band",
    "versions[0].import.bands: sat, sun 06:00 to 22:30 is in no band",
  ]);
});

test("names the times that two bands claim, and which bands", () => {
  const faults = bandFaults(
    '{ name: day, priceMicroPerKwh: 1, when: [{ from: "06:00", to: "22:00" }] }',
    '{ name: night, priceMicroPerKwh: 1, when: [{ from: "22:00", to: "06:00" }] }',
    '{ name: siesta, priceMicroPerKwh: 1, when: [{ days: [sun, sat], from: "13:00", to: "15:00" }] }',
  );
  assert.deepEqual(faults, [
    "versions[0].import.bands: sat, sun 13:00 to 15:00 is in more than one band (day, siesta)",
  ]);
});

test("refuses reserved, repeated and ill-formed band names", () => {
  for (const name of ["standing", "tax", "export", "catchup", "rounding", "catchup-export"]) {
    const faults = bandFaults(`{ name: ${name}, priceMicroPerKwh: 1, when: [{}] }`);
    assert.match(faults.join("\n"), /bands\[0\]\.name: \S+ is a reserved row name/, name);
  }
  for (const name of ["Peak", "1st", "peak@2025-04-01", "a_b", '""']) {
    assert.match(
      bandFaults(`{ name: ${name}, priceMicroPerKwh: 1, when: [{}] }`).join("\n"),
      /bands\[0\]\.name: expected/,
    );
  }
  const morning = '{ name: a, priceMicroPerKwh: 1, when: [{ to: "12:00" }] }';
  const evening = '{ name: a, priceMicroPerKwh: 1, when: [{ from: "12:00" }] }';
  assert.match(bandFaults(morning, evening).join("\n"), /bands\[1\]\.name: a names an earlier band/);
});

test("refuses windows without time and bands without windows", () => {
  const window = (text: string) => bandFaults(`{ name: a, priceMicroPerKwh: 1, when: [${text}] }`).join("\n");
  assert.match(window('{ from: "06:00", to: "06:00" }'), /when\[0\]\.to: equals `from`/);
  assert.match(window('{ from: "24:00" }'), /when\[0\]\.from: 24:00 can end a window/);
  assert.match(window("{ days: [] }"), /when\[0\]\.days: expected at least one weekday/);
  assert.match(window('{ from: "6:00" }'), /when\[0\]\.from: expected a clock time/);
  assert.match(window(""), /when: expected at least one window/);
  assert.equal(window("{}"), "");
});

test("a window past midnight belongs to the day on which it starts", () => {
  const tariff = parseTariffYaml(`${HEAD}  - from: 2024-01-01
    import:
      bands:
        - name: weekend
          priceMicroPerKwh: 1
          when:
            - { days: fri, from: "18:00", to: "00:00" }
            - { days: sat }
            - { days: sun, to: "18:00" }
        - name: week
          priceMicroPerKwh: 2
          when:
            - { days: sun-thu, from: "18:00", to: "06:00" }
            - { days: mon-fri, from: "06:00", to: "18:00" }
`);
  const week = tariff.versions[0]?.week;
  assert.deepEqual(week?.changes, [4 * 1440 + 18 * 60, 6 * 1440 + 18 * 60]);
  assert.equal(week.bandOfMinute.length, WEEK_MINUTES);
});

test("a faulty window is reported alone, not also as a hole in the week", () => {
  const faults = bandFaults("{ name: a, priceMicroPerKwh: 1, when: [{ days: [mon, monday] }] }");
  assert.equal(faults.length, 1);
  assert.match(faults.join(), /when\[0\]\.days: expected mon, tue, .* got monday/);
});

test("refuses a price and tiers together, neither of them, and flat with bands", () => {
  const tiers = "tiers: [{ uptoWh: 5, priceMicroPerKwh: 1 }, { priceMicroPerKwh: 2 }]";
  const flat = (text: string) => faultsOf(`${HEAD}  - { from: 2024-01-01, import: ${text} }`).join("\n");
  assert.match(
    flat(`{ flat: { priceMicroPerKwh: 1, ${tiers} } }`),
    /flat: expected either `priceMicroPerKwh` or `tiers`/,
  );
  assert.match(flat("{ flat: {} }"), /flat: expected either/);
  assert.match(flat("{}"), /import: expected either `flat` or `bands`/);
  const both = "{ flat: { priceMicroPerKwh: 1 }, bands: [{ name: a, priceMicroPerKwh: 1, when: [{}] }] }";
  assert.match(flat(both), /import: expected either `flat` or `bands`/);
  assert.equal(flat(`{ flat: { ${tiers} } }`), "");
});

test("refuses tiers that do not rise, a closed last tier and an open inner one", () => {
  const tiers = (text: string) => faultsOf(`${HEAD}  - { from: 2024-01-01, import: { flat: { tiers: [${text}] } } }`);
  assert.match(
    tiers("{ uptoWh: 5, priceMicroPerKwh: 1 }, { uptoWh: 9, priceMicroPerKwh: 2 }").join(),
    /\[1\]\.uptoWh: the last/,
  );
  assert.match(tiers("{ priceMicroPerKwh: 1 }, { priceMicroPerKwh: 2 }").join(), /\[0\]\.uptoWh: only the last/);
  const falling = "{ uptoWh: 5, priceMicroPerKwh: 1 }, { uptoWh: 5, priceMicroPerKwh: 2 }, { priceMicroPerKwh: 3 }";
  assert.match(tiers(falling).join(), /\[1\]\.uptoWh: expected more than the threshold before it \(5\), got 5/);
  assert.match(tiers("{ priceMicroPerKwh: 1 }").join(), /tiers: expected at least two tiers/);
  assert.match(
    tiers("{ uptoWh: 0, priceMicroPerKwh: 1 }, { priceMicroPerKwh: 2 }").join(),
    /\[0\]\.uptoWh: expected .* from 1/,
  );
});

test("versions may not overlap, leave a gap, end before they start or start together", () => {
  const versions = (...spans: string[]) => faultsOf(HEAD + spans.map((span) => `  - { ${span}, ${FLAT} }\n`).join(""));
  assert.deepEqual(versions("from: 2024-01-01, to: 2025-01-01", "from: 2025-01-01"), []);
  assert.deepEqual(versions("from: 2025-01-01", "from: 2024-01-01"), []);
  assert.match(versions("from: 2024-01-01, to: 2025-02-01", "from: 2025-01-01").join(), /versions\[0\]\.to: overlaps/);
  assert.match(
    versions("from: 2024-01-01, to: 2024-12-01", "from: 2025-01-01").join(),
    /versions\[0\]\.to: leaves 2024-12-01 to 2025-01-01 without a price/,
  );
  assert.match(versions("from: 2024-01-01, to: 2024-01-01").join(), /versions\[0\]\.to: expected a date after/);
  assert.match(versions("from: 2024-01-01", "from: 2024-01-01").join(), /versions\[1\]\.from: versions\[0\] starts/);
});

test("faults between versions are reported along with faults inside them", () => {
  const faults = faultsOf(
    `${HEAD}  - { from: 2024-01-01, to: 2024-12-01, ${FLAT}, x: 1 }\n  - { from: 2025-01-01, ${FLAT} }`,
  );
  assert.equal(faults.length, 2);
});

test("a version without an end lasts until the next one", () => {
  const tariff = parseTariffYaml(
    `${HEAD}  - { from: 2024-01-01, ${FLAT} }\n  - { from: 2025-01-01, to: 2026-01-01, ${FLAT} }`,
  );
  assert.equal(tariff.versions[0]?.to, "2025-01-01");
  assert.equal(versionAt(tariff, localDate("2024-12-31")), tariff.versions[0]);
  assert.equal(versionAt(tariff, localDate("2025-01-01")), tariff.versions[1]);
  for (const date of ["2023-12-31", "2026-01-01"]) {
    assert.throws(() => versionAt(tariff, localDate(date)), new RegExp(`no version is valid on ${date}`));
  }
});

test("catch-up energy costs the lowest price of all bands and tiers unless the file sets it", () => {
  const tiers = "{ tiers: [{ uptoWh: 5, priceMicroPerKwh: 70 }, { priceMicroPerKwh: 50 }] }";
  const version = (extra: string) =>
    parseTariffYaml(`${HEAD}  - { from: 2024-01-01, import: { flat: ${tiers} }${extra} }`).versions[0];
  assert.equal(version("")?.catchupMicroPerKwh, 50n);
  assert.equal(version(", catchup: { priceMicroPerKwh: 60 }")?.catchupMicroPerKwh, 60n);
});

test("says where YAML is broken, and refuses repeated keys", () => {
  assert.match(faultsOf("id: [").join(), /^line 1: /);
  assert.match(faultsOf("id: a\nid: b\n").join(), /^line 2: Map keys must be unique/);
  assert.match(faultsOf("").join(), /expected object/);
});

test("every example tariff loads, and a missing file is named", async () => {
  const folder = fileURLToPath(new URL("../../config/tariffs/", import.meta.url));
  for (const name of ["flat", "time-of-use", "tiered"]) {
    const tariff = await loadTariff(`${folder}${name}.yaml`);
    assert.equal(tariff.id, name);
  }
  await assert.rejects(loadTariff(`${folder}none.yaml`), /none\.yaml/);
});
