/**
 * A policy as a text file (c2sp.org/tlog-policy): `log <vkey>`, `witness <name> <vkey>`, one group of k of them, and the
 * quorum. What a customer needs besides a receipt.
 */
import type { LogPolicy } from "./checkpoint.ts";
import { LogError } from "./errors.ts";
import { formatKey, NOTE_TYPE, type NoteKey, parseKey } from "./note.ts";
import { sameBytes } from "./proofs.ts";

const MAX_CHARACTERS = 65_536;
const GROUP = "witnesses";

/** The policy as a file. */
export function formatPolicy({ log, witnesses, quorum }: LogPolicy): string {
  const names = witnesses.map((_, i) => `w${i + 1}`);
  return [
    `log ${formatKey(log)}`,
    ...witnesses.map((key, i) => `witness ${names[i] ?? ""} ${formatKey(key)}`),
    ...(quorum === 0 ? [] : [`group ${GROUP} ${quorum} ${names.join(" ")}`]),
    `quorum ${quorum === 0 ? "none" : GROUP}`,
    "",
  ].join("\n");
}

/**
 * Reads a policy of one log, whose quorum is `none`, a witness, or one group of witnesses. A file with the log's key
 * alone, or that key by itself, asks for no witness. Throws LogError `malformed`, naming the line.
 */
export function parsePolicy(text: string): LogPolicy {
  if (text.length > MAX_CHARACTERS)
    throw new LogError("malformed", `a policy has at most ${MAX_CHARACTERS} characters`);
  const named = new Map<string, NoteKey>();
  const groups = new Map<string, { readonly k: number; readonly members: readonly NoteKey[] }>();
  let log: NoteKey | undefined;
  let quorum: { readonly k: number; readonly members: readonly NoteKey[] } | undefined;
  for (const [i, line] of text.split("\n").entries()) {
    const refuse = (why: string): never => {
      throw new LogError("malformed", `the policy, line ${i + 1}: ${why}`);
    };
    const words = line.trim().split(/[ \t]+/);
    const [what = "", name = "", ...more] = words;
    if (what === "" || what.startsWith("#")) continue;
    if (what === "log" || (log === undefined && words.length === 1)) {
      if (log !== undefined) refuse("there is a second log; one is expected");
      log = keyOf(what === "log" ? name : what, NOTE_TYPE.signature, refuse);
    } else if (what === "witness") {
      const key = keyOf(more[0] ?? "", NOTE_TYPE.cosignature, refuse);
      if (isTaken(name, named, groups)) refuse(`the name ${name} is taken`);
      if ([...named.values()].some(({ raw }) => sameBytes(raw, key.raw))) refuse("this witness's key is there already");
      named.set(name, key);
    } else if (what === "group") {
      const members = more.slice(1).map((member) => named.get(member) ?? refuse(`there is no witness ${member}`));
      if (isTaken(name, named, groups)) refuse(`the name ${name} is taken`);
      groups.set(name, { k: countOf(more[0] ?? "", members, refuse), members });
    } else if (what === "quorum") {
      const witness = named.get(name);
      const alone = witness === undefined ? undefined : { k: 1, members: [witness] };
      if (quorum !== undefined) refuse("there is a second quorum");
      quorum = name === "none" ? { k: 0, members: [] } : (groups.get(name) ?? alone ?? refuse(`${name} is unknown`));
    } else refuse(`expected log, witness, group or quorum, got ${what.slice(0, 40)}`);
  }
  if (log === undefined) throw new LogError("malformed", "the policy names no log");
  return { log, witnesses: quorum?.k === 0 ? [...named.values()] : (quorum?.members ?? []), quorum: quorum?.k ?? 0 };
}

function keyOf(text: string, type: NoteKey["type"], refuse: (why: string) => never): NoteKey {
  const key = parseKey(text);
  return key.type === type ? key : refuse(`the key of ${key.name} has type ${key.type}, expected ${type}`);
}

function isTaken(name: string, ...maps: readonly ReadonlyMap<string, unknown>[]): boolean {
  return name === "" || name === "none" || maps.some((map) => map.has(name));
}

function countOf(text: string, members: readonly NoteKey[], refuse: (why: string) => never): number {
  if (members.length === 0 || new Set(members).size < members.length) refuse("expected members, each of them once");
  const k = text === "all" ? members.length : text === "any" ? 1 : /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 0;
  return k >= 1 && k <= members.length ? k : refuse(`expected all, any or 1 to ${members.length}, got ${text}`);
}
