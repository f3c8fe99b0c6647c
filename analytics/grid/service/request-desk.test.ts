import assert from "node:assert/strict";
import { test } from "node:test";
import { ChunkAssembler } from "../../../protocol/envelope/index.ts";
import { type GridAnswer, gridAnswer, REQUEST_BYTES } from "../../../protocol/grid/index.ts";
import { GridFault } from "./fault.ts";
import { type Handlers, RequestDesk } from "./request-desk.ts";

function bed(
  handler: (signal: AbortSignal) => unknown,
  settings: { maxRequests?: number; requestSeconds?: number } = {},
) {
  const chunks = new ChunkAssembler(() => 0);
  const answers = new Map<string, GridAnswer>();
  const refused: string[] = [];
  const failed: unknown[] = [];
  const waiting: (() => void)[] = [];
  const handlers = new Proxy({} as Handlers, { get: () => (_: unknown, signal: AbortSignal) => handler(signal) });
  const desk = new RequestDesk({
    ...{ handlers, maxRequests: 2, requestSeconds: 60, ...settings },
    send: (request, payload) => {
      const whole = chunks.add(request, payload);
      if (whole !== undefined) answers.set(request, gridAnswer.parse(JSON.parse(Buffer.from(whole).toString("utf8"))));
      for (const wake of waiting.splice(0)) wake();
    },
    refuse: (code) => refused.push(code),
    failed: (error) => failed.push(error),
  });
  const ask = (id: string, request: unknown): void => desk.take(id, Buffer.from(JSON.stringify(request)));
  const answer = async (id: string): Promise<GridAnswer> => {
    for (;;) {
      const found = answers.get(id);
      if (found !== undefined) return found;
      await new Promise<void>((wake) => waiting.push(wake));
    }
  };
  return { desk, ask, answer, refused, failed };
}

const codeOf = (answer: GridAnswer): string => (answer.ok ? "ok" : answer.code);

test("questions are answered, in chunks where they are large", async () => {
  const large = "x".repeat(700_000);
  const { ask, answer, desk } = bed(() => large);
  ask("q-1", { kind: "topology" });
  assert.deepEqual(await answer("q-1"), { ok: true, result: large });
  assert.deepEqual(desk.counts.requests, { topology: 1 });
});

test("what is no question is refused by a reason", async () => {
  const { ask, answer, desk, refused } = bed(() => 1);
  ask("q-1", { kind: "erase" });
  assert.equal(codeOf(await answer("q-1")), "invalid");
  desk.take("q-2", Buffer.from("{"));
  assert.equal(codeOf(await answer("q-2")), "invalid");
  desk.take("q-3", Buffer.alloc(REQUEST_BYTES + 1, 0x20));
  assert.match(JSON.stringify(await answer("q-3")), /at most 16384/);
  assert.equal(refused.length, 3);
});

test("too many at a time are refused, late ones are given up, and faults are told without their text", async () => {
  const slow = bed(
    (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted")))),
    {
      requestSeconds: 0.05,
    },
  );
  for (const id of ["q-1", "q-2", "q-3"]) slow.ask(id, { kind: "state" });
  slow.ask("q-1", { kind: "state" });
  assert.equal(codeOf(await slow.answer("q-3")), "busy");
  assert.equal(codeOf(await slow.answer("q-1")), "timeout");
  assert.deepEqual(slow.desk.counts.refused["busy"], 1);
  const broken = bed(() => {
    throw new TypeError("a secret");
  });
  broken.ask("q-1", { kind: "state" });
  assert.equal(JSON.stringify(await broken.answer("q-1")).includes("secret"), false);
  assert.equal(broken.failed.length, 1);
  const known = bed(() => {
    throw new GridFault("not-found", "there is no bus 9");
  });
  known.ask("q-1", { kind: "node", bus: 9 });
  assert.deepEqual(await known.answer("q-1"), { ok: false, code: "not-found", detail: "there is no bus 9" });
});
