/** The broker's own certificate, and the list of those that it refuses, replaced while clients are connected. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { after, before, describe, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { createCertificateAuthority, readCertificate } from "../config/enrolment/certificates.ts";
import { aggregator, connectPacket, meter, openTestBed, type TestBed } from "./test-bed.ts";

describe("files of the broker's folder are replaced", () => {
  let bed: TestBed;
  before(async () => {
    bed = await openTestBed();
  });
  after(() => bed.close());

  /** Serial number of the certificate that the broker shows now. */
  const shown = async (): Promise<string> => {
    const { certificate, key } = await bed.credentials("m-009", "meter");
    const ca = bed.ca.credentials.certificate;
    const port = bed.broker.ports.tls;
    const socket = connectTls({
      host: "127.0.0.1",
      port,
      ca,
      cert: certificate,
      key,
      checkServerIdentity: () => undefined,
    });
    await once(socket, "secureConnect");
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  };
  const become = async (serial: string): Promise<void> => {
    while ((await shown()) !== serial) await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const renewBroker = async (): Promise<void> => {
    const { certificate, key } = await bed.ca.issue("broker", "broker", ["127.0.0.1"]);
    bed.renew({ cert: certificate, key });
    await become(readCertificate(certificate).serial);
  };

  test("a renewed certificate is shown to whoever comes, and whoever is there stays", async () => {
    const client = await bed.client(meter("m-001"));
    await renewBroker();
    assert.equal(client.connected, true);
  });

  test("a certificate that is refused from now on is cut off and kept out; another one of the same party comes in", async () => {
    const old = await bed.credentials("a-1", "aggregator");
    const [client, other] = await Promise.all([bed.client(aggregator(1)), bed.client(meter("m-002"))]);
    const closed = new Promise((resolve) => client.once("close", () => resolve(undefined)));
    const serial = readCertificate(old.certificate).serial;
    bed.renew({ crl: await bed.ca.revocationList([{ serial, at: 1_700_000_000 }]) });
    await closed;
    assert.equal(other.connected, true);
    assert.equal((await bed.refused("certificate")).detail["reason"], "CERT_REVOKED");
    const raw = await bed.raw(old);
    await new Promise((resolve) => raw.once("close", () => resolve(undefined)));
    assert.equal(bed.refusals.filter(({ code }) => code === "certificate").length, 2);
    const { certificate, key } = await bed.ca.issue("a-1", "aggregator");
    const again = await bed.client(aggregator(1), { cert: certificate, key });
    assert.equal(again.connected, true);
  });

  test("nor does a retired certificate come in over a connection that was opened before it was", async () => {
    const old = await bed.credentials("a-2", "aggregator");
    const client = await bed.client(aggregator(2));
    const closed = new Promise((resolve) => client.once("close", () => resolve(undefined)));
    const before = connectPlain({ host: "127.0.0.1", port: bed.broker.ports.tls });
    await once(before, "connect");
    await bed.client(meter("m-005")); // accepted after it, so it is accepted, too
    const refused = (): number => bed.refusals.filter(({ code }) => code === "certificate").length;
    const count = refused();
    bed.renew({
      crl: await bed.ca.revocationList([{ serial: readCertificate(old.certificate).serial, at: 1_700_000_000 }]),
    });
    await closed;
    const late = connectTls({
      ...{ socket: before, ca: bed.ca.credentials.certificate, cert: old.certificate, key: old.key },
      checkServerIdentity: () => undefined,
    });
    late.on("error", () => {});
    const answers: Buffer[] = [];
    late.on("data", (bytes: Buffer) => {
      answers.push(bytes);
      late.destroy();
    });
    const ended = once(late, "close");
    late.write(connectPacket("a-2"));
    await ended;
    assert.deepEqual(answers, []);
    assert.equal(refused(), count + 2);
  });

  test("a list of another authority, or one that is none, changes nothing and is said", async () => {
    const foreign = await createCertificateAuthority(Date.now() / 1_000);
    const client = await bed.client(meter("m-003"));
    for (const crl of [await foreign.revocationList([]), "nonsense"]) {
      const before = bed.refusals.filter(({ code }) => code === "revocation-list").length;
      bed.renew({ crl });
      while (bed.refusals.filter(({ code }) => code === "revocation-list").length === before) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    assert.deepEqual(
      bed.refusals.filter(({ code }) => code === "revocation-list").map(({ detail }) => detail["reason"]),
      ["crl.pem is not a list of the authority in ca.crt", "crl.pem cannot be parsed"],
    );
    assert.equal(client.connected, true);
    assert.deepEqual(bed.failures, []);
    await bed.client(meter("m-004"));
  });
});
