import assert from "node:assert/strict";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import type { UtilityDatabase } from "../store/open.ts";
import { type ApiBed, apiBed, NOW } from "./testing/api-bed.ts";

const SLOT = 900;

async function addBill(
  db: UtilityDatabase,
  meter: string,
  period: string,
  version = 1,
  status = "final",
): Promise<void> {
  const key = { meter_id: meter, period_start: period, period_end: "2026-12-31", version, status, currency: "EUR" };
  await db
    .insertInto("bills")
    .values({
      ...key,
      ...{ energy_wh: 1_000, amount_micro: 300_000, spare_answers: 1, range_proof: null, gaps: 1, catchup_wh: null },
      ...{ export_wh: 0, tariff_id: "t", totals: null, released_rows: 1, issued_at: NOW },
    })
    .execute();
  await db
    .insertInto("bill_totals")
    .values({ ...key, band: "night", kind: "import", position: 0, energy_wh: 1_000, amount_micro: 300_000 })
    .execute();
}

async function addLoads(db: UtilityDatabase, feeder: string, count: number): Promise<void> {
  await db
    .insertInto("feeder_loads")
    .values(
      Array.from({ length: count }, (_, i) => ({
        feeder_id: feeder,
        slot_start: NOW + i * SLOT,
        ...(i === 1 ? { energy_wh: null, status: "too-few-meters" } : { energy_wh: 100 + i, status: "final" }),
        ...{ export_wh: null, meters: 6, spare_answers: 1, round_id: "r" },
      })),
    )
    .execute();
}

type Item = Readonly<Record<string, string | number | null>>;

interface Page {
  readonly items: readonly Item[];
  readonly next: string | null;
}

async function pageAt({ app }: ApiBed, url: string, headers: Record<string, string>): Promise<Page> {
  const answer = await app.inject({ url, headers });
  assert.equal(answer.statusCode, 200, answer.body);
  return answer.json<Page>();
}

/** All pages of a list, and how many there were. */
async function all(
  bed: ApiBed,
  url: string,
  headers: Record<string, string>,
): Promise<{ items: Item[]; pages: number }> {
  const first = await pageAt(bed, url, headers);
  const items = [...first.items];
  let pages = 1;
  for (let { next } = first; next !== null; pages++) {
    const page = await pageAt(bed, `${url}&after=${next}`, headers);
    items.push(...page.items);
    next = page.next;
  }
  return { items, pages };
}

test("a customer sees their own bills only, and not whether there are others", async (t) => {
  const bed = await apiBed(t);
  await addBill(bed.db, "m-001", "2026-01-01", 1, "superseded");
  await addBill(bed.db, "m-001", "2026-01-01", 2);
  for (const meter of ["m-002", "m-003"])
    for (const period of ["2026-01-01", "2026-02-01"]) await addBill(bed.db, meter, period);
  const meters = async (role: "customer" | "auditor", query: string) =>
    (await all(bed, `/bills?limit=2${query}`, bed.as(role))).items.map(
      ({ meter = "", version = "" }) => `${meter} ${version}`,
    );
  assert.deepEqual(await meters("customer", ""), ["m-001 2"]);
  assert.deepEqual(await meters("customer", "&superseded=true"), ["m-001 1", "m-001 2"]);
  assert.deepEqual(await meters("customer", "&meter=m-002"), []);
  assert.deepEqual(await meters("auditor", ""), ["m-002 1", "m-003 1", "m-001 2", "m-002 1", "m-003 1"]);
  const get = async (url: string) => await bed.app.inject({ url, headers: bed.as("customer") });
  const own = (await get("/bills/m-001/2026-01-01")).json<{ versions: { version: number; rows: unknown[] }[] }>();
  assert.deepEqual(
    own.versions.map(({ version, rows }) => [version, rows.length]),
    [
      [1, 1],
      [2, 1],
    ],
  );
  const foreign = await get("/bills/m-002/2026-01-01");
  const none = await get("/bills/m-002/2027-01-01");
  assert.equal(foreign.statusCode, 404);
  assert.equal(foreign.body, none.body);
  assert.equal((await get("/bills/m-002/2026-01-01/receipt")).statusCode, 404);
  assert.equal((await get("/bills/m-001/2026-01-01/receipt")).statusCode, 409, "it is not in the log");
});

test("pages of loads join without gap or overlap; a range cuts them; CSV has the same rows", async (t) => {
  const bed = await apiBed(t);
  await addLoads(bed.db, "f-1", 10);
  await addLoads(bed.db, "f-2", 3);
  const headers = bed.as("customer");
  const { items, pages } = await all(bed, "/feeders/f-1/loads?limit=3", headers);
  assert.equal(pages, 4);
  assert.deepEqual(
    items.map(({ slotStart }) => (Number(slotStart) - NOW) / SLOT),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
  const range = `from=${NOW + SLOT}&to=${NOW + 3 * SLOT}`;
  const part = await all(bed, `/feeders/f-1/loads?${range}`, headers);
  assert.deepEqual(
    part.items.map(({ energyWh }) => energyWh),
    [null, 102],
  );
  const csv = await bed.app.inject({ url: `/feeders/f-1/loads?limit=2&format=csv`, headers });
  assert.match(String(csv.headers["content-type"]), /^text\/csv/);
  const rows = parse<Record<string, string>>(csv.body, { columns: true });
  assert.deepEqual(
    rows.map(({ energyWh, powerW, status }) => [energyWh, powerW, status]),
    [
      ["100", "400", "final"],
      ["", "", "too-few-meters"],
    ],
  );
  const [, next = ""] = /^<\?limit=2&format=csv&after=([\w-]+)>; rel="next"$/.exec(String(csv.headers.link)) ?? [];
  for (const list of ["loads", "balances"]) {
    const none = await bed.app.inject({ url: `/feeders/f-99/${list}`, headers: bed.as("auditor") });
    assert.deepEqual([none.statusCode, none.json<{ detail: string }>().detail], [404, "there is no feeder f-99"]);
  }
  const rest = await all(bed, `/feeders/f-1/loads?limit=100&after=${next}`, headers);
  assert.equal(rest.items.length, 8);
});

test("before the utility has a database the answer is that it has not begun", async (t) => {
  const { app, as } = await apiBed(t, {}, { begun: false });
  const answer = await app.inject({ url: "/feeders", headers: as("operator") });
  assert.equal(answer.statusCode, 503);
  assert.equal(answer.json<{ code: string }>().code, "not-begun");
  const health = await app.inject("/health");
  assert.deepEqual(health.json<{ parts: object }>().parts, { database: "away", broker: "away" });
});

test("events arrive as they happen, by role and type, and go on after the last one seen", async (t) => {
  const bed = await apiBed(t);
  await bed.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = bed.app.server.address() as AddressInfo;
  const open = async (role: "customer" | "operator", query = "", lastId?: number): Promise<() => Promise<string[]>> =>
    await new Promise((resolve, reject) => {
      const headers = { ...bed.as(role), ...(lastId === undefined ? {} : { "last-event-id": String(lastId) }) };
      const asked = request({ port, path: `/events${query}`, headers }, (answer) => {
        assert.equal(answer.statusCode, 200);
        assert.equal(answer.headers["content-type"], "text/event-stream");
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        const ended = async (): Promise<string[]> => {
          // Everything emitted so far has been written to this connection: the last event of all marks the end.
          while (!text.includes('"end"')) await new Promise((wake) => answer.once("data", wake));
          asked.destroy();
          return [...text.matchAll(/^id: (\d+)\nevent: (\w+)$/gm)].map(([, id = "", type = ""]) => `${id} ${type}`);
        };
        resolve(ended);
      });
      asked.on("error", reject).end();
    });
  const { live } = bed.context;
  const message = (topic: string, value: unknown): void => live.message(topic, Buffer.from(JSON.stringify(value)));
  const operator = await open("operator");
  const customer = await open("customer");
  const alerts = await open("operator", "?types=alert,load");
  message("wv/1/pub/feeder/f-1/load", { feederId: "f-1", energyWh: 5 });
  message("wv/1/pub/alert/balance", { code: "loss" });
  message("wv/1/pub/grid/state", { lossW: 1 });
  live.message("wv/1/pub/grid/state", Buffer.from("no json"));
  message("wv/1/m/m-001/status", { state: "online" });
  message("wv/1/pub/feeder/f-1/load", "end");
  assert.deepEqual(await operator(), ["1 load", "2 alert", "3 grid", "4 load"]);
  assert.deepEqual(await customer(), ["1 load", "4 load"]);
  assert.deepEqual(await alerts(), ["1 load", "2 alert", "4 load"]);
  const stranger = await open("operator", "?types=load", 5_000);
  assert.deepEqual(await stranger(), ["1 load", "4 load"], "an id of before the server began");
  const late = await open("operator", "", 2);
  assert.deepEqual(await late(), ["3 grid", "4 load"]);
  const wrong = await bed.app.inject({ url: "/events?types=bills", headers: bed.as("operator") });
  assert.equal(wrong.statusCode, 400);
});
