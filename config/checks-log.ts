/** What the fields of the log and its witnesses must agree on. */
import { parseKey, sameBytes } from "../protocol/log/index.ts";
import { type Check, unless } from "./check.ts";

export const LOG_CHECKS: readonly Check[] = [
  {
    fields: ["log.quorum", "log.witnesses"],
    rule: "No more witnesses are needed than there are",
    fault: ({ log: { quorum, witnesses } }) =>
      unless(quorum <= witnesses.length, `${quorum} witnesses are needed, ${witnesses.length} are named`),
  },
  {
    fields: ["log.witnesses"],
    rule: "Each witness has a name and a key of its own",
    fault: ({ log: { witnesses } }) => {
      const keys = witnesses.map(({ key }) => parseKey(key));
      const twice = keys.find(({ name, raw }, i) =>
        keys.slice(0, i).some((other) => other.name === name || sameBytes(other.raw, raw)),
      );
      return twice === undefined ? undefined : `${twice.name}, or its key, is there twice`;
    },
  },
];
