/** `npm run accounts`: who may sign in. Works beside the running server, and before the first admin can. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import Table from "cli-table3";
import { z } from "zod";
import { EXIT, type RoleContext, runRole, UsageError } from "../../config/runtime/role-command.ts";
import { shownPlace, storeExists } from "../../config/runtime/store.ts";
import { accountsPlace } from "../../config/storage/place.ts";
import { meterId } from "../../protocol/names.ts";
import { AccessStore } from "./access/access-store.ts";
import { hashPassword, PASSWORD_MAX, PASSWORD_MIN } from "./access/passwords.ts";
import { roleSchema } from "./access/roles.ts";
import { accountName } from "./routes/account-routes.ts";

interface Flags {
  readonly role?: string;
  readonly meter?: readonly string[];
  readonly passwordFile?: string;
  readonly revoke?: string;
}

const VERBS = ["add", "password", "remove", "tokens", "list"] as const;

async function run({ config, operands, options, json }: RoleContext): Promise<number> {
  const [verb, name, ...more] = operands;
  const known = VERBS.find((one) => one === verb);
  if (known === undefined || more.length > 0 || (known === "list") !== (name === undefined)) {
    throw new UsageError(
      `expected list, or ${VERBS.slice(0, -1).join(", ")} and a name; got ${operands.join(" ") || "nothing"}`,
    );
  }
  const place = accountsPlace(config);
  // Only the first account makes the database: whatever else is asked of a wrong folder would leave one there.
  if (known !== "add" && !storeExists(place)) {
    const remedy = "npm run accounts -- add NAME --role admin makes the first account; --data names another folder";
    throw new UsageError(`${shownPlace(place)} does not exist: ${remedy}`);
  }
  const store = AccessStore.open(place);
  try {
    const print = (value: unknown, text: string): void => {
      process.stdout.write(`${json ? JSON.stringify(value) : text}\n`);
    };
    if (name === undefined) list(store, print);
    else if (known === "add") await add(store, name, options, print);
    else if (known === "password") await changePassword(store, name, options, print);
    else if (known === "tokens") tokens(store, name, options, print);
    else remove(store, name, print);
    return EXIT.ok;
  } finally {
    store.close();
  }
}

type Print = (value: unknown, text: string) => void;

function list(store: AccessStore, print: Print): void {
  const accounts = store.accounts();
  const table = new Table({
    head: ["name", "role", "meters", "disabled"],
    style: { head: [], border: [], compact: true },
  });
  for (const { name, role, meters, disabled } of accounts)
    table.push([name, role, meters.join(" "), disabled ? "yes" : ""]);
  print(accounts, accounts.length === 0 ? "There is no account yet." : table.toString());
}

async function add(
  store: AccessStore,
  name: string,
  { role, meter = [], passwordFile }: Flags,
  print: Print,
): Promise<void> {
  const parsedName = parse("name", accountName, name);
  const parsedRole = parse("--role", roleSchema, role);
  const meters = meter.map((one) => parse("--meter", meterId, one));
  if (parsedRole !== "customer" && meters.length > 0) throw new UsageError("--meter: a customer's account has meters");
  const { password, generated } = passwordOf(passwordFile);
  const account = {
    name: parsedName,
    role: parsedRole,
    meters,
    disabled: false,
    createdAt: Math.floor(Date.now() / 1_000),
  };
  if (!store.addAccount(account, await hashPassword(password))) throw new UsageError(`there is an account ${name}`);
  note(store, "add-account", `${name} (${parsedRole})`);
  print({ ...account, ...(generated ? { password } : {}) }, `${name} may sign in${generated ? `: ${password}` : ""}`);
}

async function changePassword(store: AccessStore, name: string, { passwordFile }: Flags, print: Print): Promise<void> {
  const { password, generated } = passwordOf(passwordFile);
  if (!store.changeAccount(name, { password: await hashPassword(password) }))
    throw new UsageError(`there is no account ${name}`);
  note(store, "change-account", `${name}: password`);
  print({ name, ...(generated ? { password } : {}) }, `${name} has a new password${generated ? `: ${password}` : ""}`);
}

function tokens(store: AccessStore, name: string, { revoke }: Flags, print: Print): void {
  if (store.account(name) === undefined) throw new UsageError(`there is no account ${name}`);
  if (revoke !== undefined) {
    const revoked = revoke === "all" ? store.tokens.removeAll(name) : Number(store.tokens.remove(name, revoke));
    if (revoke !== "all" && revoked === 0) throw new UsageError(`--revoke: ${name} has no token ${revoke}`);
    note(store, "remove-token", `${name}: ${revoke}`);
    print({ name, revoked }, `${revoked} ${revoked === 1 ? "token" : "tokens"} of ${name} revoked`);
    return;
  }
  const rows = store.tokens.of(name);
  const table = new Table({
    head: ["id", "label", "made", "until", "last used"],
    style: { head: [], border: [], compact: true },
  });
  for (const { id, label, createdAt, expiresAt, lastUsed } of rows) {
    table.push([id, label, dayOf(createdAt), dayOf(expiresAt), lastUsed === null ? "" : dayOf(lastUsed)]);
  }
  print(rows, rows.length === 0 ? `${name} has no API token.` : table.toString());
}

function dayOf(unixSeconds: number): string {
  return new Date(unixSeconds * 1_000).toISOString().slice(0, 10);
}

function remove(store: AccessStore, name: string, print: Print): void {
  if (!store.removeAccount(name)) throw new UsageError(`there is no account ${name}`);
  note(store, "remove-account", name);
  print({ removed: name }, `${name} is removed`);
}

/** Who can write the database needs no account: the audit says that it was done here. */
function note(store: AccessStore, action: string, detail: string): void {
  store.note({ at: Math.floor(Date.now() / 1_000), account: null, address: "", action, outcome: "done", detail });
}

function passwordOf(file: string | undefined): { readonly password: string; readonly generated: boolean } {
  if (file === undefined) return { password: randomBytes(15).toString("base64url"), generated: true };
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch {
    throw new UsageError(`--password-file: ${file} cannot be read`);
  }
  const password = text.replace(/\r?\n$/, "");
  if (password.length < PASSWORD_MIN || password.length > PASSWORD_MAX) {
    throw new UsageError(
      `--password-file: expected ${PASSWORD_MIN} to ${PASSWORD_MAX} characters, got ${password.length}`,
    );
  }
  return { password, generated: false };
}

function parse<T>(what: string, schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${what}: ${z.prettifyError(parsed.error).replace(/^✖ /, "")}`);
}

await runRole({
  name: "accounts",
  description: "Accounts of the HTTP interface: lists, adds, removes them, changes passwords, and revokes API tokens.",
  operands: "[command...]",
  logFiles: false,
  flags: [
    { flags: "--role <role>", description: "add: customer, operator, auditor or admin" },
    { flags: "--meter <id>", description: "add: a meter of the customer", repeated: true },
    {
      flags: "--password-file <file>",
      description: "add, password: reads it, - from standard input; default: made and printed",
    },
    { flags: "--revoke <id>", description: "tokens: revokes that API token, or all of the account" },
  ],
  examples: [
    "npm run accounts -- add eva --role operator",
    "npm run accounts -- add anna --role customer --meter m-001",
    "npm run accounts -- tokens anna --revoke all",
    "npm run accounts -- list",
  ],
  run,
});
