/**
 * Which test files share a process, and in which order processes start. Half of a cheap file's time goes into starting
 * node and loading packages, so such files run one after another in one process; whatever could disturb others, by
 * hooks, by processes or by what is global, has one of its own.
 */

/** Signs in a source that its file needs a process of its own. */
const ALONE: readonly RegExp[] = [
  // Whole systems: long, and apart from each other.
  /from "[^"]*\btesting\/(bed|command|he-command)\.ts"/,
  // Hooks at the root of a file would run for every test of the process.
  /^(before|after|beforeEach|afterEach)\(/m,
  /"node:(child_process|cluster|inspector|worker_threads)"/,
  /\bprocess\.(env\b.*[^=]=[^=]|(exitCode|argv|title) =|chdir|umask|on\(|once\()|\bglobalThis\b|\bmock\.|\bsetFlagsFromString\b/,
  // Its backend and its memory belong to the whole process.
  /@tensorflow\/|\bbackend\b/,
  // Programs of others, and whoever says so.
  /^\/\/ (needs:|alone: .|as it is: .)/m,
];
const SYSTEM = "tests/";

/** Longest first, so that two processes at a time end together; the rest follows as it is listed. */
const LONGEST: readonly string[] = [
  "tests/fleet/ciphertexts.test.ts",
  "tests/readme/",
  "tests/fleet/replay.test.ts",
  "tests/fleet/command.test.ts",
  "tests/fleet/",
  "tests/hardware/device-round.test.ts",
  "tests/",
];

/** Files of one process are few enough that no group is among the last to end. */
const GROUP = 12;

/** What each process runs: files alone first, then groups. `read` gives the text of a file. */
export function groupTests(files: readonly string[], read: (file: string) => string): (readonly string[])[] {
  const rank = (file: string): number => {
    const place = LONGEST.findIndex((prefix) => file.startsWith(prefix));
    return place < 0 ? LONGEST.length : place;
  };
  const isAlone = (file: string): boolean => file.startsWith(SYSTEM) || ALONE.some((sign) => sign.test(read(file)));
  const alone = files.filter(isAlone).sort((one, other) => rank(one) - rank(other));
  const shared = files.filter((file) => !alone.includes(file));
  const groups = Array.from({ length: Math.ceil(shared.length / GROUP) }, (_, index) =>
    shared.slice(index * GROUP, (index + 1) * GROUP),
  );
  return [...alone.map((file) => [file]), ...groups];
}
