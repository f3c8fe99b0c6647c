/** A letter between servers from its chunks to a checked message, and back. */
import { z } from "zod";
import { ProtocolError } from "../errors.ts";
import { type ChunkAssembler, splitChunks } from "./chunks.ts";
import { openServerMessage, sealServerMessage, type ServerParty } from "./server-message.ts";

export interface LetterReader {
  readonly chunks: ChunkAssembler;
  readonly party: ServerParty;
}

/**
 * Takes one chunk; returns the message once it is whole, opened, and as the schema has it. Rejects with ProtocolError as
 * `ChunkAssembler.add` and `openServerMessage`, and `malformed` for a message that the schema refuses.
 */
export async function takeLetter<T>(
  reader: LetterReader,
  sender: string,
  chunk: Uint8Array,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  return (await takeSignedLetter(reader, sender, chunk, schema))?.message;
}

/** The same, with the sender's COSE_Sign1: what proves to others that this was said. */
export async function takeSignedLetter<T>(
  { chunks, party }: LetterReader,
  sender: string,
  chunk: Uint8Array,
  schema: z.ZodType<T>,
): Promise<{ message: T; signed: Uint8Array } | undefined> {
  const sealed = chunks.add(sender, chunk);
  if (sealed === undefined) return undefined;
  const { message, signed } = await openServerMessage(sealed, party, sender);
  const parsed = schema.safeParse(message);
  if (!parsed.success) throw new ProtocolError("malformed", z.prettifyError(parsed.error));
  return { message: parsed.data, signed };
}

/** The chunks of a message to a server. Rejects as `sealServerMessage`. */
export async function sealLetter(message: unknown, from: ServerParty, to: string): Promise<Uint8Array[]> {
  return splitChunks(await sealServerMessage(message, from, to));
}
