/**
 * Simulated meters of which two cheat in the lowest bit of every import: one so that its readings are negative, the other
 * so that they are huge. Their shares belong together, and each message is well sealed.
 */
import { Channel } from "../../../hardware/agent/channel.ts";
import { MeterAgent } from "../../../hardware/agent/agent.ts";
import { FIELD_PRIME, readElement, reduce, writeElement } from "../../../protocol/field.ts";
import { bitEntryBytes } from "../../../protocol/range/bit-entries.ts";
import { KINDS } from "../../../protocol/units.ts";
import { BITS, CHEATS } from "./cheats.ts";

const meters = new WeakMap<Channel, string>();
let hearing = "";

const onMessage = Reflect.get<MeterAgent, "onMessage">(MeterAgent.prototype, "onMessage");
Reflect.set(MeterAgent.prototype, "onMessage", function (this: MeterAgent, ...given: Parameters<typeof onMessage>) {
  hearing = this.meter;
  onMessage.apply(this, given);
});

// A channel sends nothing before it has accepted an ack, and hears it while its meter takes a message.
const accept = Reflect.get<Channel, "accept">(Channel.prototype, "accept");
Reflect.set(Channel.prototype, "accept", function (this: Channel, ...given: Parameters<typeof accept>) {
  meters.set(this, hearing);
  return accept.apply(this, given);
});

const next = Reflect.get<Channel, "next">(Channel.prototype, "next");
Reflect.set(Channel.prototype, "next", function (this: Channel, ...[now, sharesOf]: Parameters<typeof next>) {
  const added = CHEATS.get(meters.get(this) ?? "");
  if (added === undefined) return next.call(this, now, sharesOf);
  return next.call(this, now, (run, x) => {
    const entries = Uint8Array.from(sharesOf(run, x));
    if (run.kind !== KINDS.import) return entries;
    for (let at = 0; at < entries.length; at += bitEntryBytes(BITS.import)) {
      // The same at all aggregators: still a polynomial of the right degree, of another secret.
      writeElement(reduce(readElement(entries, at) + added + FIELD_PRIME), entries, at);
    }
    return entries;
  });
});

await import("../../../firmware-sim/fleet/host-main.ts");
