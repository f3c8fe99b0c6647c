/**
 * One job on its way to being opened: what each aggregator has said, when it is asked again, and who is to open.
 * Without I/O; the desk acts on what it says.
 */
import { type JobRefuseMessage, PASSING_JOB_REFUSALS } from "../../protocol/messages/ckks.ts";

export interface Backoff {
  /** Seconds until an unanswered request is repeated; doubles up to `mostSeconds`. */
  readonly retrySeconds: number;
  readonly mostSeconds: number;
}

/** May become ready. */
const UNDECIDED = new Set<SeatState>(["asked", "waiting"]);

type SeatState = "asked" | "ready" | "waiting" | "refused";

interface Seat {
  state: SeatState;
  code: string;
  detail: string;
  where: readonly number[];
  nextAsk: number;
  failures: number;
  /** Inputs are on their way: nothing is repeated meanwhile. */
  busy: boolean;
  /** It has asked for inputs. */
  heard: boolean;
  /** Its signed word that it is ready. */
  word: Uint8Array | undefined;
}

/** How many there are, how many open, and how many must be ready before any does. */
export interface Quorum {
  readonly aggregators: number;
  readonly threshold: number;
  readonly quorum: number;
}

/** Faults of single inputs: without them the job may be opened. Some of these may pass, too. */
const FAULTS_OF_INPUTS = new Set<string>([
  "other-meters",
  "wrong-digest",
  "malformed-input",
  "unknown-member",
  "unknown-digest",
]);

export class Opening {
  readonly number: number;
  readonly job: string;
  readonly #seats = new Map<number, Seat>();
  readonly #threshold: number;
  readonly #quorum: number;
  readonly #backoff: Backoff;
  /** The active set is being fixed: its outputs are computed. */
  fixing = false;
  #active: readonly number[] | undefined;
  #activeSince: number;
  #nextOpen: number;
  #openFailures = 0;

  constructor(
    { number, job, active }: { number: number; job: string; active: readonly number[] | undefined },
    { aggregators, threshold, quorum, backoff, now }: Quorum & { readonly backoff: Backoff; readonly now: number },
  ) {
    this.number = number;
    this.job = job;
    this.#active = active;
    this.#activeSince = now;
    this.#threshold = threshold;
    this.#quorum = quorum;
    this.#backoff = backoff;
    this.#nextOpen = now;
    for (let index = 1; index <= aggregators; index++) {
      const seat: Seat = {
        ...{ state: "asked", code: "", detail: "", where: [], nextAsk: now },
        ...{ failures: 0, busy: false, heard: false, word: undefined },
      };
      this.#seats.set(index, seat);
    }
  }

  get active(): readonly number[] | undefined {
    return this.#active;
  }

  /** When this process began to ask the active set for its parts. */
  get activeSince(): number {
    return this.#activeSince;
  }

  /** Whom to tell the job (again) now; each is told again later if it stays silent. */
  dueAsks(now: number): number[] {
    if (this.#active !== undefined || this.fixing) return [];
    const due: number[] = [];
    for (const [index, seat] of this.#seats) {
      if (seat.busy || seat.state === "ready" || seat.state === "refused" || seat.nextAsk > now) continue;
      seat.nextAsk = now + this.#wait(seat.failures++);
      due.push(index);
    }
    return due;
  }

  /** Is it time to tell the active aggregators and the utility to open (again)? */
  dueOpen(now: number): boolean {
    if (this.#active === undefined || this.#nextOpen > now) return false;
    this.#nextOpen = now + this.#wait(this.#openFailures++);
    return true;
  }

  busy(index: number, busy: boolean, now: number): void {
    const seat = this.#seats.get(index);
    if (seat === undefined) return;
    seat.busy = busy;
    seat.heard = true;
    // It has something new to work on: silence counts from here.
    if (!busy) {
      seat.failures = 0;
      seat.nextAsk = now + this.#wait(seat.failures++);
    }
  }

  isBusy(index: number): boolean {
    return this.#seats.get(index)?.busy ?? false;
  }

  /** `word`: its signature, which others want to see. */
  ready(index: number, word: Uint8Array, now: number): void {
    const seat = this.#seats.get(index);
    if (seat === undefined) return;
    Object.assign(seat, { state: "ready", code: "", detail: "", where: [], failures: 0, word });
    if (this.#active?.includes(index) === true) this.#nextOpen = now;
  }

  refused(index: number, { code, detail, where }: JobRefuseMessage, now: number): void {
    const seat = this.#seats.get(index);
    if (seat === undefined) return;
    const passing = PASSING_JOB_REFUSALS.has(code);
    Object.assign(seat, { state: passing ? "waiting" : "refused", code, detail, where });
    if (passing) seat.nextAsk = Math.max(seat.nextAsk, now + this.#backoff.retrySeconds);
  }

  /** An aggregator is back, or something has changed that it waited for. */
  askSoon(now: number, index?: number): void {
    for (const [at, seat] of this.#seats) {
      if (index !== undefined && at !== index) continue;
      seat.failures = 0;
      seat.nextAsk = now;
    }
    this.#openFailures = 0;
    this.#nextOpen = now;
  }

  /** The words of those that are ready, or were. */
  get words(): Uint8Array[] {
    return [...this.#seats.values()].flatMap(({ word }) => (word === undefined ? [] : [word]));
  }

  /**
   * The first t of those ready that are not gone, those last that keep other jobs waiting; undefined while fewer than q
   * are ready, or fewer than t of them there. `patient`: rather than one that is silent, others are waited for that may
   * still be ready.
   */
  choose(gone: ReadonlySet<number>, silent: ReadonlySet<number>, patient: boolean): number[] | undefined {
    if (this.#active !== undefined || this.fixing) return undefined;
    const ready = [...this.#seats].filter(([, { state }]) => state === "ready").map(([index]) => index);
    const there = ready
      .filter((index) => !gone.has(index))
      .sort((a, b) => Number(silent.has(a)) - Number(silent.has(b)) || a - b);
    if (this.words.length < this.#quorum || there.length < this.#threshold) return undefined;
    const chosen = there.slice(0, this.#threshold);
    const others = [...this.#seats].some(([index, { state }]) => UNDECIDED.has(state) && !gone.has(index));
    return patient && others && chosen.some((index) => silent.has(index)) ? undefined : chosen.sort((a, b) => a - b);
  }

  fixed(active: readonly number[], now: number): void {
    this.#active = active;
    this.#activeSince = now;
    this.fixing = false;
    this.#openFailures = 0;
    this.#nextOpen = now;
  }

  /** So many have refused for good that q can no longer be ready. */
  get hopeless(): boolean {
    if (this.#active !== undefined) return false;
    const refused = [...this.#seats.values()].filter(({ state }) => state === "refused").length;
    return this.#seats.size - refused < this.#quorum;
  }

  /** One of the active set refuses for good: no other set may open it. */
  lostActive(): { index: number; code: string; detail: string } | undefined {
    for (const index of this.#active ?? []) {
      const seat = this.#seats.get(index);
      if (seat?.state === "refused") return { index, code: seat.code, detail: seat.detail };
    }
    return undefined;
  }

  /** How many aggregators have said anything, or are being sent inputs. */
  get answers(): number {
    return [...this.#seats.values()].filter(({ state, heard }) => state !== "asked" || heard).length;
  }

  /** What stands in the way, for people: `a-2: not-released (...)`. */
  obstacles(): { code: string; reason: string } | undefined {
    const said = [...this.#seats].filter(([, { code }]) => code !== "");
    const first = said.find(([, { state }]) => state === "refused") ?? said[0];
    if (first === undefined) return undefined;
    const reason = said.map(([index, { code, detail }]) => `a-${index}: ${code} (${detail})`).join("; ");
    return { code: first[1].code, reason };
  }

  /**
   * Indices of inputs that so many aggregators object to that too few are left to be ready for the job with them. `patient`:
   * objections that may pass do not count yet.
   */
  faultyInputs(patient: boolean): number[] {
    const votes = new Map<number, number>();
    let voters = 0;
    for (const { state, code, where } of this.#seats.values()) {
      if (!FAULTS_OF_INPUTS.has(code) || (state === "waiting" && patient)) continue;
      voters += 1;
      for (const index of new Set(where)) votes.set(index, (votes.get(index) ?? 0) + 1);
    }
    const needed = this.#seats.size - this.#quorum + 1;
    if (voters < needed) return [];
    return [...votes].filter(([, count]) => count >= needed).map(([index]) => index);
  }

  #wait(failures: number): number {
    const { retrySeconds, mostSeconds } = this.#backoff;
    return Math.min(mostSeconds, retrySeconds * 2 ** Math.min(failures, 20));
  }
}
