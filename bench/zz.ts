import { makeParty } from "./homomorphic/party.ts";
import { dayOf, packedDay } from "./homomorphic/meters.ts";
import { scaling, fleetSums } from "./homomorphic/sums.ts";
import { loadavg } from "node:os";
const p = await makeParty("light", false);
const pool = Array.from({ length: 1000 }, (_, i) => packedDay(p, dayOf(i)));
for (let i = 0; i < 2; i++) {
  const c = process.cpuUsage();
  const s = await scaling(p, pool, 4000, 8);
  const d = process.cpuUsage(c);
  console.log(JSON.stringify(s), (d.user + d.system) / 1e6, loadavg()[0]);
}
console.log(JSON.stringify(fleetSums(p, pool, [1000, 10000], 4)));
