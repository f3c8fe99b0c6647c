/**
 * Turns observations into alerts by rules. Writes every change down before it tells of it, so that a restart neither forgets
 * an alert nor fires it twice. Measured time decides how long something lasts; the wall clock dates what people do.
 */
import { randomUUID } from "node:crypto";
import type { Alert, AlertChangeName, AlertRow, AlertStore } from "./alert-store.ts";
import { type ReadyRule, ready, type Rule, textOf } from "./rule.ts";
import { type Observations, type Reading, SIGNALS } from "./signals.ts";

export interface AlertChange {
  readonly change: AlertChangeName;
  readonly alert: Alert;
  /** Whether receivers outside are to be told: nobody is while it is silenced. */
  readonly tell: boolean;
}

export interface EngineOptions {
  readonly rules: readonly Rule[];
  readonly store: AlertStore;
  /** Unix seconds of the wall clock. */
  readonly now: () => number;
  readonly retentionDays: number;
  readonly onChange: (change: AlertChange) => void;
}

/** Who did something, and why. */
export interface Doing {
  readonly account: string;
  readonly comment: string;
}

/** The alert is not in a state for that. */
export class AlertStateError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AlertStateError";
  }
}

const DAY = 86_400;
const FORGET_SECONDS = 3_600;

export class AlertEngine {
  readonly rules: readonly ReadyRule[];
  readonly store: AlertStore;
  readonly #options: EngineOptions;
  /** What is not resolved, by rule and element. */
  readonly #open = new Map<string, AlertRow>();
  /** Changes that were written in the transaction under way. */
  #changes: { readonly id: string; readonly change: AlertChangeName; readonly tell?: boolean }[] = [];
  #forgotten = -Infinity;

  /** Alerts whose rules are gone are resolved. */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.rules = options.rules.map(ready);
    this.store = options.store;
    const byName = new Map(this.rules.map((rule) => [rule.name, rule]));
    this.#commit(() => {
      for (const row of this.store.open(this.#now())) {
        const rule = byName.get(row.rule);
        if (rule?.signal === row.signal && rule.matches(row.element)) this.#open.set(keyOf(row), row);
        else if (row.firedAt === null) this.store.remove(row.id);
        else this.#resolve(row, row.value, undefined, "its rule is gone");
      }
    });
  }

  observe({ signal, at, values, others }: Observations): void {
    const rules = this.rules.filter((rule) => rule.signal === signal);
    if (rules.length === 0) return;
    this.#commit(() => {
      for (const rule of rules) {
        for (const [element, reading] of values) if (rule.matches(element)) this.#step(rule, element, reading, at);
        if (others === undefined) continue;
        for (const row of [...this.#open.values()]) {
          if (row.rule === rule.name && !values.has(row.element)) this.#step(rule, row.element, { value: others }, at);
        }
      }
    });
  }

  /** What passes with time: silences end, old alerts are forgotten. */
  tick(): void {
    const now = this.#now();
    this.#commit(() => {
      for (const { rule, element } of this.store.endedSilences(now)) {
        const row = this.#open.get(`${rule} ${element}`);
        if (row !== undefined && row.firedAt !== null) this.#unsilenced(row, null, "its time was over");
      }
      if (now - this.#forgotten < FORGET_SECONDS) return;
      this.#forgotten = now;
      this.store.forget(now - this.#options.retentionDays * DAY);
    });
  }

  find(id: string): Alert | undefined {
    return this.store.find(id, this.#now());
  }

  /** Undefined: there is no such alert. Throws AlertStateError for one that is pending or resolved. */
  acknowledge(id: string, { account, comment }: Doing): Alert | undefined {
    return this.#act(id, (row) => {
      const at = this.#now();
      this.#write({ ...row, acknowledgedAt: at, acknowledgedBy: account });
      this.#note(row.id, "acknowledged", { account, comment });
    });
  }

  /** Also of alerts of the same rule and element that fire until then. Throws as `acknowledge`. */
  silence(id: string, seconds: number, { account, comment }: Doing): Alert | undefined {
    return this.#act(id, (row) => {
      this.store.silence(row.rule, row.element, { until: this.#now() + seconds, by: account });
      this.#note(row.id, "silenced", { account, comment });
    });
  }

  /** Throws as `acknowledge`, and for an alert that is not silenced. */
  unsilence(id: string, { account, comment }: Doing): Alert | undefined {
    return this.#act(id, (row) => {
      if (!this.store.unsilence(row.rule, row.element)) throw new AlertStateError("it is not silenced");
      this.#unsilenced(row, account, comment);
    });
  }

  #act(id: string, work: (row: AlertRow) => void): Alert | undefined {
    const found = this.find(id);
    if (found === undefined) return undefined;
    const row = this.#open.get(keyOf(found));
    if (row?.id !== id || row.firedAt === null) throw new AlertStateError(`it is ${found.state}`);
    this.#commit(() => work(row));
    return this.find(id);
  }

  #step(rule: ReadyRule, element: string, reading: Reading, at: number): void {
    const { value } = reading;
    const key = `${rule.name} ${element}`;
    const row = this.#open.get(key);
    const beyond = rule.isBeyond(value);
    if (row === undefined) {
      if (beyond) this.#begin(rule, element, reading, at);
      return;
    }
    if (row.firedAt === null) {
      if (!beyond) {
        this.#open.delete(key);
        this.store.remove(row.id);
        return;
      }
      // A source that began anew, as a simulation does, is not beyond its limit since a time to come.
      const since = Math.min(row.since, at);
      const seen = { ...row, ...this.#seen(rule, row, reading), since };
      if (at - since >= rule.for) this.#fire(seen);
      else this.#write(seen);
      return;
    }
    if (rule.isClear(value)) this.#resolve(row, value, at, "");
    else if (value !== row.value) this.#write({ ...row, ...this.#seen(rule, row, reading) });
  }

  #begin(rule: ReadyRule, element: string, reading: Reading, at: number): void {
    const text = textOf(rule, element, reading);
    const row: AlertRow = {
      id: randomUUID(),
      rule: rule.name,
      severity: rule.severity,
      signal: rule.signal,
      element,
      text,
      unit: SIGNALS[rule.signal].unit,
      public: rule.isPublic,
      since: at,
      until: null,
      value: reading.value,
      worst: reading.value,
      worstText: text,
      beganAt: this.#now(),
      firedAt: null,
      acknowledgedAt: null,
      acknowledgedBy: null,
      resolvedAt: null,
      notified: false,
    };
    this.store.insert(row);
    this.#open.set(keyOf(row), row);
    if (rule.for === 0) this.#fire(row);
  }

  #seen(
    rule: ReadyRule,
    { worst, worstText, element }: AlertRow,
    reading: Reading,
  ): Pick<AlertRow, "value" | "worst" | "text" | "worstText"> {
    const { value } = reading;
    const text = textOf(rule, element, reading);
    const isWorse = rule.above === undefined ? value < worst : value > worst;
    return { value, text, ...(isWorse ? { worst: value, worstText: text } : { worst, worstText }) };
  }

  #fire(row: AlertRow): void {
    const tell = !this.#isSilenced(row);
    this.#write({ ...row, firedAt: this.#now(), notified: tell });
    this.#note(row.id, "fired", { account: null, comment: "" }, tell);
  }

  #resolve(row: AlertRow, value: number, until: number | undefined, comment: string): void {
    this.#open.delete(keyOf(row));
    // The last value before it was over is mostly within the limit again: what it came to is told.
    this.store.update({ ...row, text: row.worstText, value, until: until ?? null, resolvedAt: this.#now() });
    this.#note(row.id, "resolved", { account: null, comment }, row.notified);
  }

  #unsilenced(row: AlertRow, account: string | null, comment: string): void {
    this.#write({ ...row, notified: true });
    this.#note(row.id, "unsilenced", { account, comment });
  }

  #isSilenced({ id }: AlertRow): boolean {
    return (this.find(id)?.silencedUntil ?? null) !== null;
  }

  #write(row: AlertRow): void {
    this.store.update(row);
    this.#open.set(keyOf(row), row);
  }

  #note(
    id: string,
    change: AlertChangeName,
    { account, comment }: { readonly account: string | null; readonly comment: string },
    tell = true,
  ): void {
    this.store.note(id, { at: this.#now(), change, account, comment });
    this.#changes.push({ id, change, tell });
  }

  /** Tells of the changes once they are durable. */
  #commit(work: () => void): void {
    this.#changes = [];
    this.store.transaction(work);
    const changes = this.#changes;
    this.#changes = [];
    for (const { id, change, tell = true } of changes) {
      const alert = this.find(id);
      if (alert !== undefined) this.#options.onChange({ change, alert, tell });
    }
  }

  #now(): number {
    return Math.floor(this.#options.now());
  }
}

function keyOf({ rule, element }: Pick<AlertRow, "rule" | "element">): string {
  return `${rule} ${element}`;
}
