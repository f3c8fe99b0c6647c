/**
 * Certificates are replaced while slots flow, first beside the old ones, then in their place: nobody is started again,
 * nothing is lost, and what was replaced opens no connection any more.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { renew, type RenewalContext, retire } from "../../config/enrolment/renewal.ts";
import { openAuthority } from "../../config/enrolment/system.ts";
import { openParty, type PartyTls } from "../../config/keys/index.ts";
import { FleetBed } from "./testing/bed.ts";

const PARTIES = ["broker", "a-1", "a-2", "a-3", "utility", "m-001", "m-002"];

test("every party's certificate is renewed and the old one retired while slots flow", async (t) => {
  const restarts: string[] = [];
  const old = new Map<string, PartyTls>();
  const work: Promise<unknown>[] = [];
  const each = async (change: (context: RenewalContext, party: string) => Promise<unknown>): Promise<void> => {
    const keys = join(bed.data, "keys");
    const context = { keys, authority: openAuthority(keys), now: Date.now() / 1_000 };
    for (const party of PARTIES) await change(context, party);
  };
  const bed = await FleetBed.create(t, {
    set: { "simulation.patienceSeconds": 600 },
    fleet: {
      onSlot: (_slot, done) => {
        if (done === 5) work.push(each(renew));
        if (done === 12) work.push(Promise.all(work).then(() => each(retire)));
      },
      onRestart: (name, reason) => restarts.push(`${name}: ${reason}`),
    },
  });
  for (const party of PARTIES) old.set(party, openParty(join(bed.data, "keys", party)).tls);
  await bed.fleet.start();
  /** Does the broker keep a connection with this certificate? It shows its own in any case. */
  const shown = async ({ key, cert, ca }: PartyTls, waitMilliseconds: number): Promise<[string, boolean]> => {
    const { tls: port } = bed.fleet.ports;
    const socket = connect({ host: "127.0.0.1", port, key, cert, ca, checkServerIdentity: () => undefined });
    // Whoever is refused sees an end or a reset.
    const closed = new Promise<false>((resolve) => {
      socket.on("error", () => resolve(false)).on("close", () => resolve(false));
    });
    await Promise.race([once(socket, "secureConnect"), closed]);
    const { serialNumber } = socket.getPeerCertificate();
    const kept = await Promise.race([
      closed,
      new Promise<true>((resolve) => setTimeout(() => resolve(true), waitMilliseconds)),
    ]);
    socket.destroy();
    return [serialNumber, kept];
  };
  const [before, kept] = await shown(old.get("a-1")!, 300);
  assert.equal(kept, true, "until it is retired");

  await bed.fleet.run();
  await Promise.all(work);
  assert.equal(work.length, 2);
  const outcome = await bed.outcome();
  assert.deepEqual(outcome.differences, []);
  assert.equal(outcome.billsExact && outcome.loadsExact && outcome.complete, true, JSON.stringify(outcome));
  assert.deepEqual([outcome.billsFinal, outcome.loadsFinal], [10, 2 * 24]);
  assert.deepEqual(restarts, []);

  // The broker looks at its folder each second.
  for (const party of ["a-1", "utility", "m-001"]) {
    while ((await shown(old.get(party)!, 300))[1]) continue;
    const [now, stays] = await shown(openParty(join(bed.data, "keys", party)).tls, 300);
    assert.equal(stays, true, `${party} with its new certificate`);
    assert.notEqual(now, before, "the broker shows its own new one");
  }
});
