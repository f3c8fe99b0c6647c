/** Passwords by scrypt (RFC 7914). The parameters stand beside each hash, so that they can grow. */
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** N = 2^15, r = 8, p = 3: 32 MiB and about a tenth of a second (OWASP Password Storage Cheat Sheet, scrypt). */
const COST = { N: 32_768, r: 8, p: 3 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
export const PASSWORD_MIN = 12;
export const PASSWORD_MAX = 256;

export type Cost = Readonly<Record<"N" | "r" | "p", number>>;

export interface Derivation {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly cost: Cost;
}

/** Where a key is derived: here, or in a thread of its own. */
export type Derive = (derivation: Derivation) => Promise<Uint8Array>;

/** What scrypt is called with, wherever it is. */
export function scryptArguments({ password, salt, cost: { N, r, p } }: Derivation) {
  const maxmem = 256 * N * r; // twice what scrypt takes; node's own bound would refuse it
  // The same password may be typed in several sequences of code points.
  return [password.normalize("NFKC"), salt, HASH_BYTES, { N, r, p, maxmem }] as const;
}

/** Among the threads that read files, too: for commands, which nobody else waits for. */
export async function deriveHere(derivation: Derivation): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(...scryptArguments(derivation), (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}

/** `scrypt$N$r$p$salt$hash`, salt and hash in base64. */
export async function hashPassword(password: string, derive: Derive = deriveHere, cost: Cost = COST): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = Buffer.from(await derive({ password, salt, cost }));
  return ["scrypt", cost.N, cost.r, cost.p, salt.toString("base64"), hash.toString("base64")].join("$");
}

/** Takes as long for an account that does not exist: then `stored` is undefined. Throws RangeError for a damaged hash. */
export async function verifyPassword(
  password: string,
  stored: string | undefined,
  derive: Derive = deriveHere,
): Promise<boolean> {
  if (stored === undefined) {
    await derive({ password, salt: Buffer.alloc(SALT_BYTES), cost: COST });
    return false;
  }
  const [scheme, n, r, p, salt = "", hash = ""] = stored.split("$");
  const cost = { N: Number(n), r: Number(r), p: Number(p) };
  const expected = Buffer.from(hash, "base64");
  if (scheme !== "scrypt" || expected.length !== HASH_BYTES || !Object.values(cost).every(Number.isSafeInteger)) {
    throw new RangeError("password hash: expected scrypt$N$r$p$salt$hash");
  }
  return timingSafeEqual(await derive({ password, salt: Buffer.from(salt, "base64"), cost }), expected);
}
