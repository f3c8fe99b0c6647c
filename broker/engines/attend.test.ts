/** Brokers of others, started by the attendant: what they let through is what the topic table allows, and no more. */
// needs: mosquitto nats-server
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import mqtt from "mqtt";
import type { IClientOptions, MqttClient } from "mqtt";
import { createCertificateAuthority } from "../../config/enrolment/certificates.ts";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import { renew, type RenewalContext, retire } from "../../config/enrolment/renewal.ts";
import { openParty, readRoll } from "../../config/keys/index.ts";
import type { ReadyMessage } from "../../config/runtime/role-report.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { openRecord, signRecord } from "../../protocol/membership.ts";
import { connected as accepted } from "../test-bed.ts";

const START = join(import.meta.dirname, "../../config/runtime/start.mjs");
/** Longer than any of these brokers takes to deliver. */
const SILENCE_MILLISECONDS = 400;

for (const engine of ["mosquitto", "nats"] as const) {
  describe(engine, () => {
    const data = mkdtempSync(join(tmpdir(), `wattveil-${engine}-`));
    const folder = join(data, "broker", engine);
    const clients: MqttClient[] = [];
    let child: ChildProcess;
    let ports: { tls: number; public: number };
    let bulkPort: number;

    before(async () => {
      await enrol({ data, meters: meterList(3, 1) });
      const free = ["tlsPort", "wssPort", "publicPort"].flatMap((port) => ["--set", `broker.${port}=0`]);
      const args = ["attend", "--for", engine, "--data", data, "--set", `paths.logs=${join(data, "logs")}`, ...free];
      child = fork(START, ["broker/main.ts", ...args], { silent: true });
      let said = "";
      child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
      const ended = once(child, "exit").then(() => Promise.reject(new Error(`the attendant ended: ${said}`)));
      const [{ details }] = (await Promise.race([once(child, "message"), ended])) as [ReadyMessage];
      ended.catch(() => undefined);
      ports = details["ports"] as typeof ports;
      bulkPort = (details["external"] as { bulkPort: number }).bulkPort || ports.tls;
    });
    after(async () => {
      for (const client of clients) client.end(true);
      child.kill("SIGTERM");
      const [code] = (await once(child, "exit")) as [number];
      assert.equal(code, 0);
      rmSync(data, { recursive: true, force: true });
    });

    const tlsOf = (id: string) => openParty(join(data, "keys", id)).tls;
    const connected = (options: IClientOptions): Promise<MqttClient> => {
      const client = mqtt.connect({ host: "127.0.0.1", protocolVersion: 4, reconnectPeriod: 0, ...options });
      clients.push(client);
      return accepted(client);
    };
    const standing = new Map<string, Promise<MqttClient>>();
    const anew = (id: string, options: IClientOptions = {}): Promise<MqttClient> => {
      const own = { ...tlsOf(id), clientId: id, servername: "broker", checkServerIdentity: () => undefined };
      return connected({ protocol: "mqtts", port: ports.tls, ...own, ...options });
    };
    /** The party's one connection: who comes twice in a moment is kept out for a while by NATS. */
    const as = async (id: string): Promise<MqttClient> => {
      const known = await standing.get(id)?.catch(() => undefined);
      if (known?.connected === true) return known;
      const made = anew(id);
      standing.set(id, made);
      return made;
    };
    /** Payloads that arrive. */
    const hears = async (client: MqttClient, filter: string): Promise<string[]> => {
      const heard: string[] = [];
      client.on("message", (_topic, payload) => heard.push(payload.toString()));
      // NATS refuses what may not be heard; Mosquitto grants it and stays silent.
      await client.subscribeAsync(filter, { qos: 1 }).catch(() => undefined);
      return heard;
    };
    const until = async (done: () => boolean, what: string): Promise<void> => {
      for (let i = 0; !done(); i++) {
        assert.ok(i < 400, what);
        await sleep(25);
      }
    };
    /** Topics without their permission: the broker answers or hangs up, as it likes, and nobody hears it. */
    const tries = async (client: MqttClient, topic: string, payload: string): Promise<void> => {
      await Promise.race([
        client.publishAsync(topic, payload, { qos: 1 }).catch(() => undefined),
        sleep(SILENCE_MILLISECONDS),
      ]);
    };

    test("a meter reaches its aggregator, and nobody under another one's name", async () => {
      const [first, second] = [await as("a-1"), await as("a-2")];
      const heard = await hears(first, "wv/1/m/+/share/1");
      const overheard = await hears(second, "wv/1/m/+/share/1");
      const everything = await hears(await as("m-002"), "#");
      await tries(await as("m-001"), "wv/1/m/m-002/share/1", "under another name");
      await tries(await as("m-001"), "wv/1/pub/feeder/f-1/load", "as the utility");
      const meter = await as("m-001");
      await meter.publishAsync("wv/1/m/m-001/share/1", "its own", { qos: 1 });
      await until(() => heard.length > 0, "the share arrives");
      await sleep(SILENCE_MILLISECONDS);
      assert.deepEqual([heard, overheard, everything], [["its own"], [], []]);
    });

    test("the second connection of a meter stands beside its first one", async () => {
      const heard = await hears(await as("analytics"), "wv/1/m/+/he/+");
      const first = await as("m-001");
      const bulk = await anew("m-001", { clientId: "m-001.bulk", port: bulkPort });
      await bulk.publishAsync("wv/1/m/m-001/he/e-1", "large", { qos: 1 });
      await until(() => heard.length > 0, "the ciphertext arrives");
      assert.ok(first.connected && bulk.connected);
    });

    test("anyone of this machine reads what is public, and publishes nothing", async () => {
      const reader = await connected({ protocol: "mqtt", port: ports.public, clientId: "anyone" });
      const heard = await hears(reader, "wv/1/pub/#");
      const shares = await hears(
        await connected({ protocol: "mqtt", port: ports.public, clientId: "curious" }),
        "wv/1/m/#",
      );
      await tries(
        await connected({ protocol: "mqtt", port: ports.public, clientId: "liar" }),
        "wv/1/pub/feeder/f-1/load",
        "forged",
      );
      await (await as("utility")).publishAsync("wv/1/pub/feeder/f-1/load", "a load", { qos: 1 });
      await (await as("m-001")).publishAsync("wv/1/m/m-001/share/1", "a share", { qos: 1 });
      await until(() => heard.length > 0, "the load arrives");
      await sleep(SILENCE_MILLISECONDS);
      assert.deepEqual([heard, shares], [["a load"], []]);
    });

    test("a party's name is worth nothing without its certificate", async () => {
      const heard = [await hears(await as("m-002"), "wv/1/pub/#"), await hears(await as("a-2"), "wv/1/u/round/+/2")];
      const { cert, key, ca } = tlsOf("m-003");
      const anyone = { protocol: "mqtt", port: ports.public } as const;
      const meter = {
        protocol: "mqtts",
        port: ports.tls,
        cert,
        key,
        ca,
        checkServerIdentity: () => undefined,
      } as const;
      const doors = [
        { ...anyone, username: "utility", password: "" },
        { ...anyone, username: "CN=utility,OU=utility" },
        { ...anyone, username: "CN=utility,OU=utility", password: "" },
        { ...anyone, username: "CN=utility,OU=utility", password: "guessed" },
        { ...anyone, username: "CN=a-1,OU=aggregator", password: "" },
        { ...meter, username: "CN=a-1,OU=aggregator", password: "" },
      ];
      for (const [i, door] of doors.entries()) {
        const liar = await connected({ clientId: `liar-${i}`, ...door }).catch(() => undefined);
        if (liar === undefined) continue;
        heard.push(await hears(liar, "wv/1/m/+/share/1"));
        await tries(liar, "wv/1/pub/feeder/f-1/load", `a load of ${door.username}`);
        await tries(liar, "wv/1/u/round/r-1/2", `a round of ${door.username}`);
        await (await as("m-001")).publishAsync("wv/1/m/m-001/share/1", "a share", { qos: 1 });
        await sleep(SILENCE_MILLISECONDS);
        liar.end(true);
      }
      assert.deepEqual(heard.flat(), []);
    });

    test("no certificate, another authority's, and TLS 1.2 are refused", async () => {
      const stranger = await createCertificateAuthority(Date.now() / 1_000);
      const { certificate: cert, key } = await stranger.issue("m-001", "meter");
      await assert.rejects(anew("m-001", { cert, key }));
      const { ca } = tlsOf("m-001");
      const nobody = {
        protocol: "mqtts",
        port: ports.tls,
        ca,
        clientId: "m-001",
        checkServerIdentity: () => undefined,
      };
      await assert.rejects(connected(nobody as IClientOptions));
      await assert.rejects(anew("m-001", { maxVersion: "TLSv1.2" } as IClientOptions));
    });

    test("a revoked meter has no rights any more, and a node that was killed comes back with the same rules", async () => {
      const authority = openParty(join(data, "keys", "authority"));
      const own = readRoll(join(data, "keys", "broker"))
        .map(({ record }) => openRecord(record, authority.directory))
        .find(({ meter }) => meter === "m-003")!;
      const places = own.places.map((place) => ({ ...place, to: place.from + 1 }));
      const revoked = { meter: "m-003", serial: own.serial + 1, keyVersion: own.keyVersion, places };
      const record = signRecord(revoked, { id: "authority", signKey: authority.signKey! });
      const users = join(folder, engine === "nats" ? "users.conf" : "clients.acl");
      assert.match(readFileSync(users, "utf8"), /m-003/);
      await (await as("authority")).publishAsync(
        "wv/1/e/roll",
        Buffer.from(encodeCbor({ record, countersignatures: [] })),
        { qos: 1 },
      );
      await until(() => !readFileSync(users, "utf8").includes("m-003"), "the rules are written anew");
      assert.equal(statSync(users).mode & 0o777, 0o600);

      const isRefused = async (): Promise<boolean> => {
        const heard = await hears(await as("a-1"), "wv/1/m/+/share/1");
        const meter = await as("m-003").catch(() => undefined);
        if (meter !== undefined) await tries(meter, "wv/1/m/m-003/share/1", "revoked");
        await (await as("m-001")).publishAsync("wv/1/m/m-001/share/1", "member", { qos: 1 });
        await until(() => heard.includes("member"), "others still are heard");
        return !heard.includes("revoked");
      };
      // An engine takes a moment to read its files again.
      let refused = await isRefused();
      for (let i = 0; !refused && i < 20; i++) refused = await isRefused();
      assert.ok(refused, "m-003 is not heard any more");

      const node = engine === "nats" ? "node-1" : "mosquitto";
      const pid = (): string => {
        try {
          return readFileSync(join(folder, `${node}.pid`), "utf8");
        } catch {
          return "";
        }
      };
      const before = pid();
      process.kill(Number(before), "SIGKILL");
      await until(() => pid() !== "" && pid() !== before, "the node is started again");
      const again = async (): Promise<boolean> =>
        as("m-001").then(
          () => true,
          () => false,
        );
      let isBack = await again();
      for (let i = 0; !isBack && i < 100; i++) {
        await sleep(100);
        isBack = await again();
      }
      assert.ok(isBack);
      assert.ok(await isRefused());
    });

    /** Serial number of the certificate that the engine shows to a party, or undefined while it does not answer. */
    const shown = async (): Promise<string | undefined> => {
      const socket = connectTls({ port: ports.tls, ...tlsOf("m-001"), checkServerIdentity: () => undefined });
      try {
        await once(socket, "secureConnect");
        return socket.getPeerCertificate().serialNumber;
      } catch {
        return undefined;
      } finally {
        socket.destroy();
      }
    };
    const renewal = (): RenewalContext => {
      const keys = join(data, "keys");
      return { keys, authority: openParty(join(keys, "authority")), now: Date.now() / 1_000 };
    };
    const becomes = async (wanted: () => Promise<boolean>): Promise<void> => {
      while (!(await wanted())) await sleep(100);
    };

    test("the broker's renewed certificate is shown without a restart", async () => {
      const { serial } = await renew(renewal(), "broker");
      await becomes(async () => (await shown()) === serial);
    });

    if (engine === "mosquitto") {
      test("a retired certificate is kept out, and the renewed one of the same party comes in", async () => {
        const old = tlsOf("a-2");
        await renew(renewal(), "a-2");
        await anew("a-2", old);
        await retire(renewal(), "a-2");
        await becomes(() =>
          anew("a-2", old).then(
            () => false,
            () => true,
          ),
        );
        await becomes(() =>
          anew("a-2").then(
            () => true,
            () => false,
          ),
        );
        await assert.rejects(anew("a-2", old));
      });

      test("a client id of somebody else's takes no session over", async () => {
        const utility = await as("utility");
        await anew("m-001", { clientId: "utility" });
        await anew("m-001", { clientId: "utility", port: bulkPort });
        await sleep(SILENCE_MILLISECONDS);
        assert.ok(utility.connected);
      });

      test("nor does one that anyone gives itself, without a certificate", async () => {
        const standing = [await as("utility"), await as("a-1"), await as("m-001")];
        const bulk = await anew("m-001", { clientId: "m-001.bulk", port: bulkPort });
        for (const clientId of ["utility", "a-1", "m-001", "CN=m-001,OU=meter", "broker", "CN=broker,OU=broker"]) {
          await connected({ protocol: "mqtt", port: ports.public, clientId });
        }
        await sleep(SILENCE_MILLISECONDS);
        assert.ok([...standing, bulk].every((client) => client.connected));
      });
    } else {
      test("its own protocol and its cluster are closed to the parties", async () => {
        const conf = readFileSync(join(folder, "node-1.conf"), "utf8");
        const [client, cluster] = [/^listen: "127\.0\.0\.1:(\d+)"/m, /^ {2}listen: "127\.0\.0\.1:(\d+)"/m].map((at) =>
          Number(at.exec(conf)?.[1]),
        );
        assert.match(await natsAnswer(client!, tlsOf("m-001"), { verbose: true }), /-ERR/);
        const route = connectTls({
          host: "127.0.0.1",
          port: cluster!,
          ...tlsOf("m-001"),
          checkServerIdentity: () => undefined,
        });
        route.on("error", () => undefined);
        route.resume();
        route.on("secureConnect", () =>
          route.write(`CONNECT ${JSON.stringify({ server_id: "NOTANODE", name: "no" })}\r\n`),
        );
        await once(route, "close");
        assert.match(readFileSync(join(folder, "node-1.log"), "utf8"), /rid:\d+ - authentication error/);
      });
    }
  });
}

/** What NATS says after its greeting to a party that asks to be let in, over TLS with the party's certificate. */
async function natsAnswer(
  port: number,
  tls: { cert: string; key: string; ca: string },
  hello: object,
): Promise<string> {
  const plain = connectPlain({ host: "127.0.0.1", port });
  // INFO, ahead of TLS.
  await once(plain, "readable");
  plain.read();
  const socket = connectTls({ socket: plain, ...tls, checkServerIdentity: () => undefined });
  let said = "";
  socket.on("data", (chunk: Buffer) => (said += chunk.toString()));
  socket.on("error", () => undefined);
  await Promise.race([once(socket, "secureConnect"), sleep(5_000)]);
  socket.write(`CONNECT ${JSON.stringify(hello)}\r\nPING\r\n`);
  await Promise.race([once(socket, "close"), sleep(5_000)]);
  socket.destroy();
  return said;
}
