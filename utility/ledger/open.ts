/** Opens the log of this utility: its key signs it, and a log that another key has signed is not continued. */
import type { Config } from "../../config/index.ts";
import { logOrigin, logPolicy } from "../../config/log-policy.ts";
import type { Party } from "../../config/keys/index.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { LogError, type LogPolicy, openCheckpoint } from "../../protocol/log/index.ts";
import type { Queries } from "../store/rounds-store.ts";
import { Ledger, readHead } from "./ledger.ts";

export interface OpenedLedger {
  readonly ledger: Ledger;
  readonly policy: LogPolicy;
}

/** Throws UsageError where the database holds the log of another key or name. */
export async function openLedger(
  db: Queries,
  { signKey }: Pick<Party, "signKey">,
  config: Pick<Config, "log">,
): Promise<OpenedLedger> {
  if (signKey === undefined) throw new RangeError("party: only who has a signing key can write a log");
  const ledger = new Ledger({ signer: { name: logOrigin(config, signKey), signKey } });
  const policy = logPolicy(config, signKey);
  const { checkpoint } = await readHead(db);
  try {
    if (checkpoint !== undefined) openCheckpoint(checkpoint, { ...policy, quorum: 0 });
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    throw new UsageError(
      `log.origin: the database holds another log, which this one cannot go on from: ${error.message}`,
    );
  }
  return { ledger, policy };
}
