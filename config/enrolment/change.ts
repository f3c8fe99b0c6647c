/** What can be changed about one meter, as its command says it. */

export type Change =
  | { readonly action: "add"; readonly meter: string; readonly feeder: string; readonly role?: "head" | undefined }
  | { readonly action: "move"; readonly meter: string; readonly feeder: string }
  | { readonly action: "revoke"; readonly meter: string }
  | { readonly action: "rekey"; readonly meter: string };

/** The same command again. */
export function sameChange(a: Change, b: Change): boolean {
  return describe(a) === describe(b);
}

/** A change as its command. */
export function describe(change: Change): string {
  const feeder = change.action === "add" || change.action === "move" ? ` --feeder ${change.feeder}` : "";
  const head = change.action === "add" && change.role === "head" ? " --head" : "";
  return `${change.action} --meter ${change.meter}${feeder}${head}`;
}
