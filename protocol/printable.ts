/** Text of files and of other parties as a terminal may get it: nothing in it moves the cursor or turns what is read. */

/** Control characters but line ends and tabs, and those that change the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const COMMANDS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** The same with each of them as `\\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(COMMANDS, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
