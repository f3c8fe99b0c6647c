/** Who is served when, and that nothing else waits for it. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { type Asker, PasswordDesk } from "./password-desk.ts";
import { hashPassword } from "./passwords.ts";
import { ScryptThreads } from "./scrypt-threads.ts";

test("the two lines take turns, a full one refuses, and who has gone is passed over", async () => {
  const begun: string[] = [];
  const going: (() => void)[] = [];
  const desk = new PasswordDesk({
    ...{ passwordThreads: 1, passwordsWaiting: 3 },
    derive: async ({ password }) => {
      begun.push(password);
      await new Promise<void>((resolve) => going.push(resolve));
      return new Uint8Array(32);
    },
  });
  const outcomes: string[] = [];
  const ask = async (password: string, line: Asker["line"], signal?: AbortSignal): Promise<void> => {
    const outcome = desk.match(password, () => undefined, { line, ...(signal === undefined ? {} : { signal }) });
    await outcome.then(
      () => outcomes.push(`${password} done`),
      (error: unknown) => outcomes.push(`${password} ${(error as { code: string }).code}`),
    );
  };
  const goes = new AbortController();
  const all = [
    ...["s0", "s1", "s2"].map((name) => ask(name, "strange")),
    ask("gone", "strange", goes.signal),
    ask("s3", "strange"),
    ...["k1", "k2", "k3", "k4"].map((name) => ask(name, "known")),
    ask("late", "known", AbortSignal.abort()),
  ];
  goes.abort();
  all.push(ask("s4", "strange"));
  while (begun.length < 7) {
    going.shift()?.();
    await new Promise(setImmediate);
  }
  going.shift()!();
  await Promise.all(all);
  assert.deepEqual(begun, ["s0", "k1", "s1", "k2", "s2", "k3", "s4"]);
  assert.deepEqual(outcomes.slice(0, 4).toSorted(), [
    ...["gone sign-in-given-up", "k4 sign-in-busy", "late sign-in-given-up", "s3 sign-in-busy"],
  ]);
});

test("files are read while passwords are checked, however many", async () => {
  const threads = new ScryptThreads(1);
  const desk = new PasswordDesk({ passwordThreads: 1, passwordsWaiting: 100, derive: threads.derive });
  const stored = await hashPassword("correct horse battery staple");
  assert.equal(await desk.match("correct horse battery staple", () => stored, { line: "known" }), stored);
  let done = 0;
  const checks = Array.from({ length: 16 }, async () => {
    assert.equal(await desk.match("wrong", () => stored, { line: "strange" }), undefined);
    done += 1;
  });
  await readFile(new URL(import.meta.url));
  assert.ok(done < 8, `${done} of 16 were checked before a file was read`);
  await Promise.all(checks);
  await threads.stop();
});
