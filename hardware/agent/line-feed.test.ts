/** Lines of readings from a pipe: whatever comes through it. */
import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { feedLines } from "./line-feed.ts";

const MIB = 2 ** 20;
const LIMIT = 65_536;

async function fed(chunks: Iterable<string | Buffer>) {
  const taken: string[] = [];
  const refusals: string[] = [];
  const result = await feedLines({
    input: Readable.from(chunks, { objectMode: false }),
    take: (line) => taken.push(line),
    refused: (line, reason) => refusals.push(`${line}: ${reason}`),
    signal: new AbortController().signal,
  });
  return { taken, refusals, result };
}

test("takes lines however they are cut and ended, and skips empty ones", async () => {
  const { taken, result } = await fed(["a\nb", "b\r\n", "\n", "c"]);
  assert.deepEqual(taken, ["a", "bb", "c"]);
  assert.deepEqual(result, { taken: 3, refused: 0 });
});

test("a line of 256 MiB costs no memory, is refused once, and the next one is taken", async () => {
  const part = Buffer.alloc(MIB, "x");
  const longest = "y".repeat(LIMIT);
  let most = 0;
  function* chunks(): Generator<string | Buffer> {
    yield "first\n";
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 256; i++) {
      yield part;
      most = Math.max(most, process.memoryUsage().rss - before);
    }
    yield `\n${longest}\n${longest}y\nlast\n`;
  }
  const { taken, refusals } = await fed(chunks());
  assert.deepEqual(taken, ["first", longest, "last"]);
  assert.deepEqual(refusals, [`2: a line has at most ${LIMIT} bytes`, `4: a line has at most ${LIMIT} bytes`]);
  assert.ok(most < 64 * MIB, `${most} bytes`);
});
