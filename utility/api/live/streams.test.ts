import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../problem.ts";
import { type OpenStream, Streams } from "./streams.ts";

const LIMITS = { maxStreams: 6, streamsPerAccount: 2, staffStreams: 3 };

function stream(account: string, isStaff = false): OpenStream & { holds: boolean; ended: number } {
  const made = {
    ...{ account, isStaff, holds: true, ended: 0 },
    may: (): boolean => made.holds,
    end: (): void => void (made.ended += 1),
  };
  return made;
}

const codeOf = (work: () => void): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return `${error.status} ${error.code} ${error.retryAfter ?? "never"}`;
    throw error;
  }
  return "opened";
};

test("an account has so many streams, customers leave some to the staff, and the staff has all of them", () => {
  const streams = new Streams(LIMITS);
  const open = (account: string, isStaff = false): string => codeOf(() => streams.open(stream(account, isStaff)));
  const first = stream("anna");
  streams.open(first);
  assert.equal(open("anna"), "opened");
  assert.equal(open("anna"), "429 too-many-own-streams 10");
  assert.equal(open("bert"), "opened");
  assert.equal(open("cleo"), "503 too-many-streams 10", "what is left is the staff's");
  assert.equal(open("eva", true), "opened");
  streams.close(first);
  assert.equal(open("cleo"), "opened");
  assert.deepEqual(
    [open("eva", true), open("otto", true), open("otto", true)],
    ["opened", "opened", "503 too-many-streams 10"],
  );
});

test("a stream whose right is gone, or cannot be looked up, ends once and makes room", () => {
  const streams = new Streams({ ...LIMITS, streamsPerAccount: 1 });
  const [anna, bert] = [stream("anna"), stream("bert")];
  streams.open(anna);
  streams.open(bert);
  assert.equal(streams.check(anna), true);
  anna.holds = false;
  bert.holds = false;
  streams.checkAll("anna");
  assert.deepEqual([anna.ended, bert.ended], [1, 0]);
  assert.equal(streams.check(anna), false);
  assert.equal(anna.ended, 1);
  streams.open(stream("anna"));
  const blind = { ...stream("cleo"), may: (): boolean => assert.fail("the database is locked") };
  let ended = 0;
  const cleo = { ...blind, end: (): void => void (ended += 1) };
  streams.open(cleo);
  assert.equal(streams.check(cleo), false);
  assert.equal(ended, 1);
});
