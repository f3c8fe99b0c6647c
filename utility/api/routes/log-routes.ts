/** The log, for anyone: checkpoints, entries and proofs. What is personal in it is hashed with a salt. */
import { z } from "zod";
import { decodeEntry, formatPolicy, formatProof } from "../../../protocol/log/index.ts";
import { readHead } from "../../ledger/ledger.ts";
import { Checkpoints } from "../../ledger/checkpoints.ts";
import { entryText } from "../../ledger/tail.ts";
import { TreeReader } from "../../ledger/tree.ts";
import type { ApiContext } from "../context.ts";
import {
  type Api,
  cursorOf,
  format,
  pageAnswers,
  pageOf,
  paging,
  problem,
  sendPage,
  unixSeconds,
  numberText,
} from "../contract.ts";
import { found, Problem } from "../problem.ts";

const entry = z
  .object({
    index: z.int(),
    type: z.string(),
    time: unixSeconds,
    content: z.string().describe("JSON of what the entry says; bytes in hex"),
    bytes: z.string().describe("What is hashed, in base64"),
  })
  .meta({ id: "LogEntry" });

const textAnswer = (description: string) => ({ description, content: { "text/plain": { schema: z.string() } } });

const treeSize = numberText(z.number().int().min(0).max(Number.MAX_SAFE_INTEGER));

export function addLogRoutes(app: Api, { utility, policy }: ApiContext): void {
  app.get(
    "/log/checkpoint",
    {
      config: { access: "public" },
      schema: {
        operationId: "getCheckpoint",
        tags: ["log"],
        summary: "The newest checkpoint that enough witnesses have seen (C2SP tlog-checkpoint)",
        response: { 200: textAnswer("A signed note."), 404: problem("There is none yet.") },
      },
    },
    async (_request, reply) => {
      const believed = await new Checkpoints(utility.db, policy, { keeps: false }).believed();
      void reply.type("text/plain; charset=utf-8");
      return found("checkpoint yet that enough witnesses have seen", believed).checkpoint;
    },
  );

  app.get(
    "/log/policy",
    {
      config: { access: "public" },
      schema: {
        operationId: "getPolicy",
        tags: ["log"],
        summary:
          "By which key and witnesses the log is believed (C2SP tlog-policy): compare it with one from elsewhere",
        response: { 200: textAnswer("A policy.") },
      },
    },
    async (_request, reply) => {
      void reply.type("text/plain; charset=utf-8");
      return formatPolicy(policy);
    },
  );

  app.get(
    "/log/entries",
    {
      config: { access: "public" },
      schema: {
        operationId: "listEntries",
        tags: ["log"],
        summary: "Entries of the log, newest first",
        querystring: z.object({ type: z.string().max(64).optional(), ...paging, ...format }),
        response: { 200: pageAnswers(entry, "A page of entries.") },
      },
    },
    async ({ query }, reply) => {
      let rows = utility.db.selectFrom("ledger_entries").selectAll();
      if (query.type !== undefined) rows = rows.where("type", "=", query.type);
      const [before] = cursorOf(query.after, z.int()) ?? [];
      if (before !== undefined) rows = rows.where("idx", "<", before);
      const all = await rows
        .orderBy("idx", "desc")
        .limit(query.limit + 1)
        .execute();
      const page = pageOf(
        all,
        query.limit,
        ({ idx }) => [idx],
        ({ idx, type, entry: bytes }) => {
          const { time, content } = decodeEntry(bytes);
          return {
            index: idx,
            type,
            time,
            content: entryText(content),
            bytes: Buffer.from(bytes).toString("base64"),
          };
        },
      );
      return sendPage(reply, query, page);
    },
  );

  app.get(
    "/log/entries/:index/proof",
    {
      config: { access: "public" },
      schema: {
        operationId: "proveEntry",
        tags: ["log"],
        summary: "The proof that an entry is in the log (C2SP tlog-proof)",
        params: z.object({ index: treeSize }),
        response: {
          200: textAnswer("A proof with its checkpoint."),
          409: problem("No believed checkpoint covers it yet."),
        },
      },
    },
    async ({ params: { index } }, reply) => {
      const { db } = utility;
      const { size } = await readHead(db);
      if (index >= size) throw new Problem(404, "not-found", `there is no entry ${index}: the log has ${size}`);
      const believed = await new Checkpoints(db, policy, { keeps: false }).believed();
      if (believed === undefined || index >= believed.size) {
        throw new Problem(409, "waiting", "too few witnesses have seen this entry yet");
      }
      const hashes = await new TreeReader(db).inclusion(index, believed.size);
      void reply.type("text/plain; charset=utf-8");
      return formatProof({ index, hashes, checkpoint: believed.checkpoint });
    },
  );

  app.get(
    "/log/consistency",
    {
      config: { access: "public" },
      schema: {
        operationId: "proveConsistency",
        tags: ["log"],
        summary: "The proof that the log of one size goes on from the log of another (RFC 9162, 2.1.4)",
        querystring: z.object({ from: treeSize, to: treeSize.optional().describe("Default: all entries") }),
        response: { 200: z.object({ from: z.int(), to: z.int(), proof: z.array(z.string().describe("base64")) }) },
      },
    },
    async ({ query }) => {
      const { db } = utility;
      const { size } = await readHead(db);
      const { from, to = size } = query;
      if (from > to || to > size) {
        throw new Problem(400, "invalid-request", `from, to: expected from <= to <= ${size}, got ${from} and ${to}`);
      }
      const hashes = from === 0 || from === to ? [] : await new TreeReader(db).consistency(from, to);
      return { from, to, proof: hashes.map((hash) => Buffer.from(hash).toString("base64")) };
    },
  );
}
