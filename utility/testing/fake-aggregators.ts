/**
 * Aggregators in memory, for tests of rounds: they hold cells, answer the messages of a round and keep what they
 * endorsed. They do not check release rules unless a test gives them a verdict.
 */
import { createHash } from "node:crypto";
import { addMember, countMembers, emptyBitmap, hasMember, members } from "../../protocol/bitmap.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { FIELD_PRIME } from "../../protocol/field.ts";
import { merkleRoot } from "../../protocol/log/merkle.ts";
import {
  BALANCE_OFFSET,
  type EndorsedMessage,
  type ProbeMessage,
  type Question,
  type RefuseMessage,
  type RoundAnswer,
  type RoundRequest,
  type SetContent,
  type Unit,
} from "../../protocol/messages/round.ts";
import type { Cell } from "./cell.ts";
import { packed, RangeFakes } from "./range-fakes.ts";
import { unitDigest } from "../rounds/digest.ts";
import { billingOutputs, billingPlace, billingUnit, loadPlace, unitCount, unitSize } from "../rounds/shape.ts";

function cellKey(cell: Pick<Cell, "meter" | "kind" | "slot">): string {
  return `${cell.meter} ${cell.kind} ${cell.slot}`;
}

function hashOf(cell: Cell): Buffer {
  return createHash("sha256")
    .update(`${cellKey(cell)} ${cell.value} ${cell.version ?? 0}`)
    .digest();
}

export class FakeAggregator {
  readonly index: number;
  readonly threshold: number;
  cells = new Map<string, Cell>();
  /** What cells hash to: the same for all that share them. */
  #hashes = new Map<Cell, Buffer>();
  readonly endorsedSets = new Map<string, string>();
  readonly received: RoundRequest[] = [];
  down = false;
  /** Imports are shared by so many bits; 0: as a whole. */
  bits = 0;
  /** Added to sums: a lie, by output. */
  lie: bigint | ((output: number) => bigint) = 0n;
  /** Added to answers of share tests: a lie, by meter. */
  testLie: (meter: string) => bigint = () => 0n;
  /** Added to the shares that a meter gave this aggregator: the meter's lie. */
  badShare: (cell: Cell) => bigint = () => 0n;
  /** Added to the lowest bit of a reading that is shared by bits: the same for all aggregators. */
  badBit: (cell: Cell) => bigint = () => 0n;
  /** Whether a reading is here by its bits, where the set has bits. */
  hasBits: (cell: Cell) => boolean = () => true;
  /** Added to answers of range proofs: a lie, by meters. */
  rangeLie: (meters: readonly string[]) => bigint = () => 0n;
  /** How it answers the question for its seed. */
  reveals: "its seed" | "another" | "nothing" = "its seed";
  readonly #proofs = new RangeFakes(this);
  verdict: (set: SetContent) => Pick<RefuseMessage, "code" | "detail" | "where"> | undefined = () => undefined;
  onWant: () => void = () => {};
  readonly #sets = new Map<string, SetContent>();

  constructor(index: number, threshold: number) {
    this.index = index;
    this.threshold = threshold;
  }

  store(cell: Cell): void {
    this.cells.set(cellKey(cell), cell);
  }

  shareCells(other: FakeAggregator): void {
    this.cells = other.cells;
    this.#hashes = other.#hashes;
  }

  #hashOf(cell: Cell): Buffer {
    const known = this.#hashes.get(cell) ?? hashOf(cell);
    this.#hashes.set(cell, known);
    return known;
  }

  tagOf(cell: Cell): Uint8Array {
    return this.#hashOf(cell).subarray(0, 8);
  }

  shareOf(cell: Cell): bigint {
    if (this.bits > 0 && cell.kind === 1) {
      const shares = Array.from({ length: this.bits }, (_, bit) => this.bitShareOf(cell, bit) << BigInt(bit));
      return shares.reduce((sum, share) => sum + share) % FIELD_PRIME;
    }
    const hash = this.#hashOf(cell);
    let share = BigInt(cell.value) + this.badShare(cell);
    for (let power = 1; power < this.threshold; power++) {
      const coefficient = hash.readBigUInt64BE(8 * power) % FIELD_PRIME;
      share = (share + coefficient * BigInt(this.index) ** BigInt(power)) % FIELD_PRIME;
    }
    return share;
  }

  answer(request: RoundRequest): RoundAnswer | undefined {
    this.received.push(request);
    const base = { round: request.round, aggregator: this.index };
    switch (request.type) {
      case "open": {
        const units = this.#units(request);
        const root = Uint8Array.from(merkleRoot(units.map(([, digest]) => digest)));
        this.#questions.set(request.round, request);
        return { type: "manifest", ...base, units, root };
      }
      case "detail": {
        const question = this.#questions.get(request.round);
        if (question === undefined) return undefined;
        const tags = request.units.map((unit): [number, Uint8Array] => [unit, this.#tags(question, unit)]);
        return { type: "tags", ...base, units: tags };
      }
      case "want":
        this.onWant();
        return undefined;
      case "probe":
        return this.#probe(base, request);
      case "reveal":
        return this.reveals === "nothing" ? undefined : { type: "revealed", ...base, ...this.#proofs.reveal(request) };
      case "range":
        return { type: "ranged", ...base, ...this.#proofs.answer(request) };
      case "set":
        return this.#endorse(base, Uint8Array.from(request.content));
      case "endorsed":
        return this.#sums(base, request);
    }
  }

  readonly #questions = new Map<string, Question>();

  #cellAt(question: Question, unit: number, member: number): Cell | undefined {
    const place =
      question.purpose !== "billing"
        ? { slot: loadPlace(question, unit).slot, kind: loadPlace(question, unit).kind, meter: member }
        : {
            slot: (question.segments[billingPlace(question, unit).segment]?.[0] ?? 0) + member,
            kind: billingPlace(question, unit).kind,
            meter: billingPlace(question, unit).meter,
          };
    const cell = this.cells.get(
      cellKey({ meter: question.meters[place.meter] ?? "", kind: question.kinds[place.kind] ?? 0, slot: place.slot }),
    );
    return cell?.feeder === question.feeder ? cell : undefined;
  }

  #units(question: Question): Unit[] {
    return Array.from({ length: unitCount(question) }, (_, unit): Unit => {
      const size = unitSize(question, unit);
      const bitmap = emptyBitmap(size);
      for (let member = 0; member < size; member++) {
        if (this.#cellAt(question, unit, member) !== undefined) addMember(bitmap, member);
      }
      if (countMembers(bitmap) === 0) return [new Uint8Array(0), new Uint8Array(0)];
      const digest = unitDigest(question, unit, bitmap, bitmap, this.#tags(question, unit));
      return [Uint8Array.from(bitmap), Uint8Array.from(digest)];
    });
  }

  #tags(question: Question, unit: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let member = 0; member < unitSize(question, unit); member++) {
      const cell = this.#cellAt(question, unit, member);
      if (cell !== undefined) parts.push(this.tagOf(cell));
    }
    return Uint8Array.from(Buffer.concat(parts));
  }

  #endorse(base: { round: string; aggregator: number }, bytes: Uint8Array): RoundAnswer {
    const content = decodeCbor(bytes) as SetContent;
    const setId = Uint8Array.from(createHash("sha256").update(bytes).digest());
    const name = Buffer.from(setId).toString("hex");
    const refusal = this.verdict(content);
    if (refusal !== undefined) return { type: "refuse", ...base, setId, ...refusal };
    for (const [unit, [bitmap]] of content.units.entries()) {
      for (const member of members(bitmap)) {
        const key = `${content.purpose} ${content.feeder} ${unitKey(content, unit, member)}`;
        const other = this.endorsedSets.get(key);
        if (other !== undefined && other !== name) {
          return { type: "refuse", ...base, setId, code: "other-set-endorsed", detail: key, where: [unit] };
        }
        this.endorsedSets.set(key, name);
      }
    }
    this.#sets.set(name, content);
    const endorsement = Uint8Array.from(encodeCbor({ aggregator: this.index, setId }));
    return { type: "endorse", ...base, setId, endorsement };
  }

  #sums(base: { round: string; aggregator: number }, request: EndorsedMessage): RoundAnswer | undefined {
    const setId = Uint8Array.from(request.setId);
    const content = this.#sets.get(Buffer.from(setId).toString("hex"));
    if (content === undefined) {
      return { type: "refuse", ...base, setId, code: "not-endorsed", detail: "no such set", where: [] };
    }
    const sums: (bigint | undefined)[] =
      content.purpose !== "billing"
        ? this.#slotSums(content)
        : billingOutputs(content).map(({ meter, scheme, band: b }) => {
            const band = content.schemes[scheme]?.bands[b];
            if (band === undefined) return undefined;
            const kind = content.kinds.indexOf(band.kind);
            return this.#sum(
              content,
              band.masks.map((mask, segment) => [billingUnit(content, segment, meter, kind), mask]),
            );
          });
    const lie = (output: number): bigint => (typeof this.lie === "bigint" ? this.lie : this.lie(output));
    return {
      type: "sums",
      ...base,
      setId,
      ...packed(sums.map((sum, output) => (sum === undefined ? undefined : (sum + lie(output)) % FIELD_PRIME))),
    };
  }

  /** Of each unit of a load, of each slot of a balance. */
  #slotSums(content: SetContent): (bigint | undefined)[] {
    const sums = content.units.map((_, unit) => this.#sum(content, [[unit, undefined]]));
    if (content.purpose === "load") return sums;
    return Array.from({ length: sums.length / 4 }, (_, slot) => {
      const own = sums.slice(4 * slot, 4 * slot + 4);
      if (own.includes(undefined)) return undefined;
      const [taken, fedBack, head, headExport] = own as [bigint, bigint, bigint, bigint];
      return (BALANCE_OFFSET + head - headExport - taken + fedBack + 4n * FIELD_PRIME) % FIELD_PRIME;
    });
  }

  /** Masks and weights are hashes: what the utility decodes does not depend on how they are made. */
  #probe(base: { round: string; aggregator: number }, { content: bytes, salt }: ProbeMessage): RoundAnswer {
    const content = decodeCbor(bytes) as SetContent;
    const setId = Uint8Array.from(createHash("sha256").update(bytes).digest());
    const drawn = (what: string): bigint =>
      createHash("sha256").update(setId).update(salt).update(what).digest().readBigUInt64BE() % FIELD_PRIME;
    const sums = content.meters.map((meter, m) => {
      let sum: bigint | undefined;
      for (const [unit, [bitmap, digest]] of content.units.entries()) {
        if (!this.#concerns(content, unit, m)) continue;
        const cells = [...members(bitmap)].map((member) => this.#cellAt(content, unit, member));
        if (cells.includes(undefined)) return undefined;
        const held = cells.map((cell) => this.tagOf(cell!));
        if (Buffer.compare(unitDigest(content, unit, bitmap, bitmap, Buffer.concat(held)), digest) !== 0)
          return undefined;
        for (const cell of cells.filter((one) => one!.meter === meter)) {
          sum = ((sum ?? 0n) + drawn(`${cell!.kind} ${cell!.slot}`) * this.shareOf(cell!)) % FIELD_PRIME;
        }
      }
      if (sum === undefined) return undefined;
      for (let power = 0; power < this.threshold; power++) {
        sum += drawn(`mask ${m} ${power}`) * BigInt(this.index) ** BigInt(power);
      }
      return (sum + this.testLie(meter)) % FIELD_PRIME;
    });
    const { have, values } = packed(sums);
    const answer = { setId, salt: Uint8Array.from(salt), dealing: new Uint8Array(16), have, values };
    const proof = content.bits === undefined ? {} : { commitment: this.#proofs.commit(content, answer) };
    return { type: "probed", ...base, ...answer, ...proof };
  }

  /** The cells of a meter in a set that are shared by bits, with how many; undefined where it does not hold them so. */
  bitCells(content: SetContent, meter: number): { cell: Cell; bits: number }[] | undefined {
    const found: { cell: Cell; bits: number }[] = [];
    for (const [unit, [bitmap]] of content.units.entries()) {
      if (!this.#concerns(content, unit, meter)) continue;
      for (const member of members(bitmap)) {
        const cell = this.#cellAt(content, unit, member);
        if (cell === undefined) return undefined;
        if (cell.meter !== content.meters[meter]) continue;
        const bits = content.bits?.[content.kinds.indexOf(cell.kind)] ?? 0;
        if (bits > 0 && !this.hasBits(cell)) return undefined;
        if (bits > 0) found.push({ cell, bits });
      }
    }
    return found;
  }

  /** Its point of the polynomial of one bit. */
  bitShareOf(cell: Cell, bit: number): bigint {
    const hash = this.#hashOf(cell);
    const lowest = bit === 0 ? this.badBit(cell) + this.badShare(cell) + 2n * FIELD_PRIME : 0n;
    let share = ((BigInt(cell.value) >> BigInt(bit)) & 1n) + lowest;
    for (let power = 1; power < this.threshold; power++) {
      const coefficient = (hash.readBigUInt64BE(8 * power) * BigInt(2 * bit + 3)) % FIELD_PRIME;
      share += coefficient * BigInt(this.index) ** BigInt(power);
    }
    return share % FIELD_PRIME;
  }

  #concerns(content: SetContent, unit: number, meter: number): boolean {
    const bitmap = content.units[unit]?.[0] ?? new Uint8Array(0);
    if (bitmap.length === 0) return false;
    return content.purpose !== "billing" ? hasMember(bitmap, meter) : billingPlace(content, unit).meter === meter;
  }

  #sum(content: SetContent, parts: readonly (readonly [number, Uint8Array | undefined])[]): bigint | undefined {
    let sum = 0n;
    for (const [unit, mask] of parts) {
      const [bitmap, digest] = content.units[unit] ?? [new Uint8Array(0), new Uint8Array(0)];
      const held: Uint8Array[] = [];
      for (const member of members(bitmap)) {
        const cell = this.#cellAt(content, unit, member);
        if (cell === undefined) return undefined;
        held.push(this.tagOf(cell));
        if (mask === undefined || ((mask[member >>> 3] ?? 0) & (1 << (member & 7))) !== 0) {
          sum = (sum + this.shareOf(cell)) % FIELD_PRIME;
        }
      }
      const own = unitDigest(content, unit, bitmap, bitmap, Buffer.concat(held));
      if (Buffer.compare(own, digest) !== 0) return undefined;
    }
    return sum;
  }
}

function unitKey(content: SetContent, unit: number, member: number): string {
  if (content.purpose !== "billing") {
    const { slot, kind } = loadPlace(content, unit);
    return `${content.meters[member]} ${kind} ${slot}`;
  }
  const { segment, meter, kind } = billingPlace(content, unit);
  return `${content.meters[meter]} ${kind} ${(content.segments[segment]?.[0] ?? 0) + member}`;
}
