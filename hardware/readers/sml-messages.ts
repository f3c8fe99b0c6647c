/** The messages of an SML file: each is a list of six with its own checksum; of interest is what answers GetList. */
import { SML_CRCS, type SmlCrc, smlCrc } from "./sml-crc.ts";
import { SmlCursor, type SmlElement, SmlSyntaxError } from "./sml-tree.ts";

const GET_LIST_RESPONSE = 0x0701n;
const ATTENTION_RESPONSE = 0xff01n;
/** Opening and closing of a file, which tell nothing. */
const FRAME_MESSAGES: readonly bigint[] = [0x0100n, 0x0101n, 0x0200n, 0x0201n];
const MESSAGE_FIELDS = 6;

export interface SmlListResponse {
  readonly serverId: Uint8Array | undefined;
  readonly sensorTime: SmlElement;
  readonly entries: readonly SmlElement[];
}

export interface SmlContent {
  readonly lists: readonly SmlListResponse[];
  /** Kinds of messages that this reader has no use for, as hexadecimal numbers. */
  readonly unknown: readonly string[];
  /** The meter refused something. */
  readonly attention: boolean;
  /** Which checksum the messages have; undefined when there are none. */
  readonly crc: SmlCrc | undefined;
}

/** A message whose checksum is not its own. */
export class SmlChecksumError extends Error {}

/** Throws SmlSyntaxError, or SmlChecksumError. */
export function parseMessages(file: Uint8Array): SmlContent {
  const lists: SmlListResponse[] = [];
  const unknown: string[] = [];
  let attention = false;
  let crc: SmlCrc | undefined;
  const cursor = new SmlCursor(file);
  while (!cursor.atEnd) {
    // Some meters pad with zeros that the file's padding does not count.
    if (cursor.peek() === 0) {
      cursor.skip();
      continue;
    }
    const message = parseMessage(file, cursor);
    crc ??= message.crc;
    if (message.crc !== crc) throw new SmlChecksumError("messages with different checksums");
    const { kind, body } = message;
    if (kind === GET_LIST_RESPONSE) lists.push(listResponse(body));
    else if (kind === ATTENTION_RESPONSE) attention = true;
    else if (!FRAME_MESSAGES.includes(kind)) unknown.push(kind.toString(16).padStart(4, "0"));
  }
  return { lists, unknown, attention, crc };
}

interface SmlMessage {
  readonly kind: bigint;
  readonly body: SmlElement;
  readonly crc: SmlCrc;
}

function parseMessage(file: Uint8Array, cursor: SmlCursor): SmlMessage {
  const start = cursor.offset;
  if (cursor.list() !== MESSAGE_FIELDS) throw new SmlSyntaxError("a message without its six fields");
  for (let field = 0; field < 3; field++) cursor.element(); // transaction, group, what to do on errors
  const choice = cursor.element();
  if (!Array.isArray(choice) || choice.length !== 2 || typeof choice[0] !== "bigint") {
    throw new SmlSyntaxError("a message without a kind");
  }
  const checked = file.subarray(start, cursor.offset);
  const stated = cursor.element();
  const crc = SML_CRCS.find((name) => stated === BigInt(smlCrc(name, checked)));
  if (crc === undefined) throw new SmlChecksumError("the checksum is not that of the message");
  if (cursor.peek() !== 0) throw new SmlSyntaxError("a message without an end");
  cursor.skip();
  const [kind, body] = choice as [bigint, SmlElement];
  return { kind, body, crc };
}

/** Client, server, name, sensor time, values, signature, gateway time. */
function listResponse(body: SmlElement): SmlListResponse {
  if (!Array.isArray(body) || body.length !== 7) throw new SmlSyntaxError("a list of values without its seven fields");
  const [, serverId, , sensorTime, entries] = body as SmlElement[];
  if (!Array.isArray(entries)) throw new SmlSyntaxError("a list of values without values");
  return {
    serverId: serverId instanceof Uint8Array ? serverId : undefined,
    sensorTime,
    entries: entries as SmlElement[],
  };
}
