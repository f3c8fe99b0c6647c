/** What the processes of an aggregator listen to. */
import { filterOf, type TopicName } from "../protocol/topics.ts";

const OF_METERS = ["share", "heDigest", "update"] as const;
const OF_SERVERS = ["roundRequest", "enrolRequest", "jobRequest"] as const;

/** Whether it is for the worker alone that takes in the meter. */
export function isFromMeter(name: TopicName): boolean {
  return name === "meterStatus" || OF_METERS.some((other) => other === name);
}

/** Each of several workers hears all meters, since nothing in a topic tells theirs apart; `hasDesk`: and the servers. */
export function subscriptionsOf(index: number, hasDesk: boolean): string[] {
  const agg = String(index);
  const forAll = [...OF_METERS.map((name) => filterOf(name, { agg })), filterOf("meterStatus"), filterOf("roll")];
  return hasDesk
    ? [...forAll, ...OF_SERVERS.map((name) => filterOf(name, { agg })), filterOf("learnAnnounce")]
    : forAll;
}
