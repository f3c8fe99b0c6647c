/** What the account refuses, and why. */

export type AccountErrorCode =
  /** It would exceed the budget of a household. */
  | "exhausted"
  /** A release of this name was paid for, but as another one. */
  | "conflict"
  /** The account was opened for another budget or other orders. */
  | "terms"
  /** There is no such release. */
  | "unknown";

/** Nothing was spent. */
export class AccountError extends Error {
  readonly code: AccountErrorCode;
  /** Households that cannot pay, for `exhausted`. */
  readonly households: readonly string[];

  constructor(code: AccountErrorCode, message: string, households: readonly string[] = []) {
    super(message);
    this.name = "AccountError";
    this.code = code;
    this.households = households;
  }
}
