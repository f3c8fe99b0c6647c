/** The encrypting part of a meter that runs alone: its keys, its clock, what it logs. */
import type { Party } from "../../config/keys/index.ts";
import type { SqliteDatabase } from "../../config/runtime/database.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { Refusals } from "../../config/runtime/refusals.ts";
import type { RoleContext } from "../../config/runtime/role-command.ts";
import type { MeterAgent } from "./agent.ts";
import type { AgentLink, MeterSecrets } from "./agent-options.ts";
import type { BulkCourier } from "./bulk/index.ts";
import { openCiphertexts } from "./ciphertexts/index.ts";
import type { Outbox } from "./outbox.ts";

export interface LoneCiphertextsOptions {
  readonly context: RoleContext;
  readonly party: Party;
  readonly secrets: Pick<MeterSecrets, "rootKeys">;
  readonly agent: MeterAgent;
  readonly database: SqliteDatabase;
  readonly outbox: Outbox;
  readonly link: AgentLink;
  readonly bulk: BulkCourier;
  readonly log: Logger;
  readonly refusals: Refusals;
  /** Unix seconds. */
  readonly now: () => number;
  /** Something moved that is waited for. */
  readonly moved: () => void;
}

export interface LoneCiphertexts {
  /** Ciphertexts that are not settled, and windows that are to become ones. */
  unsettled(): number;
  /** Who has not answered, by name. */
  silent(): readonly string[];
  settled(): void;
  tick(): void;
  close(): Promise<void>;
}

/** Undefined where nothing is encrypted. */
export function openLoneCiphertexts(options: LoneCiphertextsOptions): LoneCiphertexts | undefined {
  const { context, party, secrets, agent, database, outbox, link, bulk, log, refusals, now, moved } = options;
  const { config } = context;
  const shared = openCiphertexts({
    ...{ config, party, database, outbox, now },
    monotonic: () => performance.now(),
    warn: (message) => log.warn(message),
  });
  if (shared === undefined) return undefined;
  const ciphertexts = shared.agentFor({
    ...{ agent, secrets, link, bulk },
    events: {
      ciphertext: (_meter, event) => {
        const fine = event.code === "made" || event.code === "settled";
        log[fine ? "info" : "warn"](event, fine ? "ciphertext" : "ciphertext not taken");
        moved();
      },
      refused: (_meter, error) => {
        const { code, message } = error as { code?: string; message?: string };
        refusals.count(`ciphertext-${code ?? "failed"}`, message);
      },
    },
  });
  return {
    unsettled: () => {
      ciphertexts.poll();
      return ciphertexts.unsettled;
    },
    silent: () => ciphertexts.silent(),
    settled: () => ciphertexts.settled(),
    tick: () => ciphertexts.tick(),
    close: async () => {
      ciphertexts.close();
      await shared.close();
    },
  };
}
