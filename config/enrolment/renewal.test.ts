/** Certificates in place of others: what is written, what goes on counting, and what an interruption leaves. */
import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { openParty, refusedSerials } from "../keys/index.ts";
import { enrol, meterList } from "./index.ts";
import { renew, retire, type RenewalContext } from "./renewal.ts";
import { openAuthority } from "./system.ts";

describe("renewal of certificates", () => {
  const data = mkdtempSync(join(tmpdir(), "wattveil-renewal-"));
  const keys = join(data, "keys");
  const folder = (party: string): string => join(keys, party);
  let context: RenewalContext;

  before(async () => {
    await enrol({ data, meters: meterList(2, 1), hosts: ["localhost", "b1.example.org"] });
  });
  beforeEach(() => {
    context = { keys, authority: openAuthority(keys), now: Date.now() / 1_000 };
  });
  after(() => rmSync(data, { recursive: true, force: true }));

  test("a running party shows the new certificate at its next connection; it is who it was", async () => {
    const party = openParty(folder("a-1"));
    const { tls: old } = party;
    const { serial, replaced } = await renew(context, "a-1");
    const { tls } = party;
    assert.notEqual(tls.key, old.key);
    const [before, now] = [new X509Certificate(old.cert), new X509Certificate(tls.cert)];
    assert.deepEqual([before.serialNumber, now.serialNumber], [replaced, serial]);
    assert.equal(now.subject, before.subject);
    assert.equal(party.tls, tls, "the very same until files change");
    assert.equal(tls.crl, undefined, "both count");
  });

  test("the broker's names its hosts as before, or others; no other party's names any", async () => {
    const hosts = (): string | undefined => new X509Certificate(openParty(folder("broker")).tls.cert).subjectAltName;
    await renew(context, "broker");
    assert.equal(hosts(), "DNS:localhost, DNS:b1.example.org");
    await renew(context, "broker", ["b2.example.org", "192.0.2.1"]);
    assert.equal(hosts(), "DNS:b2.example.org, IP Address:192.0.2.1");
    await assert.rejects(renew(context, "utility", ["b2.example.org"]), /--hosts: only the broker's certificate/);
  });

  test("retired: all that were replaced are refused, in every folder here, and in those of meters that come later", async () => {
    const first = new X509Certificate(openParty(folder("a-2")).tls.cert).serialNumber;
    await renew(context, "a-2");
    const second = await renew(context, "a-2");
    const watched = openParty(folder("broker"));
    assert.equal(watched.tls.crl, undefined);
    const retired = await retire(context, "a-2");
    assert.deepEqual(retired.refused, [first, second.replaced]);
    assert.deepEqual(await refusedSerials(watched.tls), new Set([first, second.replaced]));
    const parties = readdirSync(keys);
    assert.deepEqual(retired.listedAt, parties.sort());
    for (const party of parties) assert.notEqual(openParty(folder(party)).tls.crl, undefined, party);

    await enrol({ data, meters: meterList(3, 1) });
    assert.equal(openParty(folder("m-003")).tls.crl, watched.tls.crl);

    const others = await retire({ ...context, authority: openAuthority(keys) }, "a-1");
    assert.equal(others.refused.length, 1);
    assert.equal((await refusedSerials(watched.tls)).size, 3, "those before stay refused");
    assert.deepEqual((await retire(context, "a-1")).refused, [], "may be repeated");
    assert.equal((await refusedSerials(watched.tls)).has(second.serial), false);
  });

  test("an interruption between key and certificate is said, and mended by the next renewal", async () => {
    const party = openParty(folder("m-001"));
    const { tls } = party;
    const certificate = readFileSync(join(folder("m-001"), "identity.crt"));
    const { replaced } = await renew(context, "m-001");
    writeFileSync(join(folder("m-001"), "identity.crt"), certificate);
    assert.equal(party.tls.cert, tls.cert, "who runs goes on with what it has");
    assert.throws(() => openParty(folder("m-001")), /identity\.key does not belong to identity\.crt; .*enrol -- renew/);
    await assert.rejects(retire(context, "m-001"), /the renewal of m-001 was interrupted/);
    const again = await renew(context, "m-001");
    assert.equal(again.replaced, replaced);
    assert.equal(new X509Certificate(party.tls.cert).serialNumber, again.serial);
    assert.deepEqual((await retire(context, "m-001")).refused, [replaced]);
  });

  test("a list that cannot be parsed is said at the start, and a running party goes on with the one before", () => {
    const file = join(folder("m-002"), "crl.pem");
    const list = readFileSync(file);
    const party = openParty(folder("m-002"));
    const { tls } = party;
    writeFileSync(file, "-----BEGIN X509 CRL-----\nbroken\n-----END X509 CRL-----\n");
    assert.equal(party.tls, tls);
    assert.throws(() => openParty(folder("m-002")), /m-002\/crl\.pem cannot be parsed/);
    writeFileSync(file, list);
    assert.equal(party.tls.crl, tls.crl);
  });

  test("nothing is done for a party that is not here, or is another, or has nothing to retire", async () => {
    await assert.rejects(renew(context, "a-9"), /a-9 is missing: bring it here/);
    await assert.rejects(renew(context, "../a-1"), /--party: "\.\.\/a-1" is no party/);
    await assert.rejects(retire(context, "utility"), /no certificate of utility was replaced: .*renew --party utility/);
    renameSync(folder("a-3"), folder("a-4"));
    await assert.rejects(renew(context, "a-4"), /identity\.crt is that of a-3, not of a-4/);
    renameSync(folder("a-4"), folder("a-3"));
    writeFileSync(join(folder("authority"), "certificates.json"), "{", { mode: 0o600 });
    await assert.rejects(renew(context, "a-3"), /certificates\.json is damaged: restore it from a backup/);
    assert.equal(existsSync(join(folder("a-3"), "crl.pem")), true);
    openParty(folder("a-3"));
  });
});
