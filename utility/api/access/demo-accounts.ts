/**
 * Accounts of a demonstration: one for each role, with passwords that are made up here and written down once. A system
 * of real meters gets its accounts from `npm run accounts`.
 */
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import type { AccessStore } from "./access-store.ts";
import { hashPassword } from "./passwords.ts";
import { type ApiRole, ROLES } from "./roles.ts";

export interface DemoAccount {
  readonly name: ApiRole;
  readonly role: ApiRole;
  /** Of the customer, the one that was named. */
  readonly meters: readonly string[];
  readonly password: string;
}

const PASSWORD_BYTES = 15;
const OWNER_ONLY = 0o600;

/**
 * Makes them where there is no account at all, and writes them to `file` as JSON for its owner alone. False where
 * somebody has an account already: then nothing is made or written.
 */
export async function addDemoAccounts(
  store: AccessStore,
  { file, meter, now }: { readonly file: string; readonly meter: string | undefined; readonly now: number },
): Promise<boolean> {
  if (store.accounts().length > 0) return false;
  const accounts = ROLES.map((role): DemoAccount => {
    const meters = role === "customer" && meter !== undefined ? [meter] : [];
    return { name: role, role, meters, password: randomBytes(PASSWORD_BYTES).toString("base64url") };
  });
  // Passwords of accounts that do not exist yet do no harm; accounts whose passwords nobody knows would.
  rmSync(file, { force: true }); // it would keep the rights that it has
  writeFileSync(file, `${JSON.stringify({ accounts }, null, 2)}\n`, { mode: OWNER_ONLY });
  const createdAt = Math.floor(now);
  for (const { name, role, meters, password } of accounts) {
    store.addAccount({ name, role, meters, disabled: false, createdAt }, await hashPassword(password));
    const audited = { account: null, address: "", action: "add-account", outcome: "done" } as const;
    store.note({ at: createdAt, ...audited, detail: `${name} (${role}), of a demonstration` });
  }
  return true;
}
