/** Spends from the account of a file, and is killed: `before` the payment is durable, or `after`. */
import process from "node:process";
import { PrivacyAccount } from "../account.ts";
import { openAccountDatabase } from "../open.ts";
import { TERMS, roundOf } from "./bed.ts";

const [, , file = "", when] = process.argv;
const account = await PrivacyAccount.open(await openAccountDatabase(file), TERMS);
const die = (): void => {
  process.kill(process.pid, "SIGKILL");
};
const noised = (): Uint8Array => {
  if (when === "before") die();
  return Uint8Array.of(4, 2);
};
await account.spend({ ...roundOf("round-1", ["m-1", "m-2"]), noised }, 1_000);
die();
