/** The thread that derives keys from passwords: none of those that read files and names is kept from them. */
import { scryptSync } from "node:crypto";
import { type Derivation, scryptArguments } from "./passwords.ts";

export function derive(derivation: Derivation): Uint8Array {
  return scryptSync(...scryptArguments(derivation));
}
