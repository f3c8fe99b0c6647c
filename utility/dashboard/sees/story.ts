/** The steps of the story of one reading: what happens, and who holds what afterwards. Pure. */
import type { Answer } from "../api/client.ts";

export type Showcase = Answer<"getShowcase">;

export const PARTIES = ["home", "broker", "aggregators", "utility", "everyone"] as const;
export type Party = (typeof PARTIES)[number];

export interface Step {
  readonly title: string;
  readonly text: string;
  /** Who acts. */
  readonly at: Party;
  /** Where it goes; undefined: it stays. */
  readonly to?: Party;
}

export function steps({ threshold, parts }: Pick<Showcase, "threshold" | "parts">): readonly Step[] {
  const n = parts.length;
  return [
    {
      ...{ title: "The home measures", at: "home" },
      text: "The meter reads how much energy was used. Only the home knows the number.",
    },
    {
      ...{ title: "It splits the reading", at: "home" },
      text: `The reading becomes ${n} numbers that lie on one curve with it. Any ${threshold} of them give the curve; ${
        threshold === 2 ? "a single one" : `${threshold - 1} of them`
      } could belong to every reading there is.`,
    },
    {
      ...{ title: "It seals each share", at: "home", to: "broker" },
      text: "Each share is encrypted for one aggregator. The broker passes the messages on and sees who speaks when, and how much.",
    },
    {
      ...{ title: "Each aggregator opens its own", at: "broker", to: "aggregators" },
      text: "An aggregator finds a number as long as any other. It stores it and answers that it has.",
    },
    {
      ...{ title: "Aggregators add up", at: "aggregators", to: "utility" },
      text: "Asked for a feeder's load, each adds its shares of all its homes and sends one sum. Sums of shares are shares of the sum.",
    },
    {
      ...{ title: "The utility learns the total", at: "utility", to: "everyone" },
      text: "It finds the curve through the sums: the load of the feeder, and nothing of a home. The total is published and logged.",
    },
    {
      ...{ title: "The bill", at: "utility", to: "home" },
      text: "At the end of the period the same happens once for the home: one sum for each price band, never a single slot.",
    },
  ];
}
